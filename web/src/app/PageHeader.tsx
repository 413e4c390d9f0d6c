import { Menu as MenuIcon } from "lucide-react";
import { createContext, type ReactNode, useContext, useEffect } from "react";
import { IconButton } from "../ui/Button";
import styles from "./Page.module.css";

/** What the shell lends to pages. */
export interface ShellControls {
  openSidebar(): void;
}

export const ShellContext = createContext<ShellControls>({ openSidebar: () => {} });

interface PageHeaderProps {
  title: ReactNode;
  /** For the browser's tab, when `title` is more than text. */
  documentTitle?: string;
  /** Buttons at the end. */
  children?: ReactNode;
}

/** The bar on top of a page. */
export function PageHeader({ title, documentTitle, children }: PageHeaderProps) {
  useDocumentTitle(documentTitle ?? (typeof title === "string" ? title : "Errand"));
  return (
    <header className={styles.header}>
      <SidebarButton />
      {typeof title === "string" ? <h1 className={styles.title}>{title}</h1> : title}
      <div className={styles.actions}>{children}</div>
    </header>
  );
}

/** Opens the sidebar on a phone; absent on wide screens. */
export function SidebarButton() {
  const { openSidebar } = useContext(ShellContext);
  return (
    <span className={styles.sidebarButton}>
      <IconButton label="Show the agents" icon={<MenuIcon />} onPress={openSidebar} />
    </span>
  );
}

/** Names the browser's tab. */
export function useDocumentTitle(title: string): void {
  useEffect(() => {
    document.title = title === "Errand" ? title : `${title} · Errand`;
  }, [title]);
}
