import type { LucideIcon } from "lucide-react";
import type { ReactNode } from "react";
import { cx } from "../../ui/cx";
import styles from "./Notes.module.css";

interface LineProps {
  icon: LucideIcon;
  tone?: "amber" | "red";
  title?: string;
  action?: ReactNode;
  children: ReactNode;
}

/** A line of the platform's own: an icon, perhaps a title, plain words. */
export function Line({ icon: Icon, tone, title, action, children }: LineProps) {
  return (
    <div className={cx(styles.note, tone && styles[tone])}>
      <Icon className={styles.icon} aria-hidden="true" />
      <div className={styles.words}>
        {title !== undefined && <p className={styles.title}>{title}</p>}
        <div>{children}</div>
      </div>
      {action}
    </div>
  );
}
