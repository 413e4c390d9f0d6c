import { Check } from "lucide-react";
import type { ReactElement, ReactNode } from "react";
import {
  Menu as AriaMenu,
  MenuItem as AriaMenuItem,
  type MenuItemProps as AriaMenuItemProps,
  MenuTrigger,
  type Placement,
  Popover,
  Separator,
} from "react-aria-components";
import { cx } from "./cx";
import { Kbd } from "./Kbd";
import styles from "./Menu.module.css";

interface MenuProps {
  /** The button that opens it. */
  trigger: ReactElement;
  /** Read aloud. */
  label: string;
  children: ReactNode;
  placement?: Placement;
  selectionMode?: "none" | "single" | "multiple";
  selectedKeys?: Iterable<string>;
  onSelectionChange?(keys: Set<string>): void;
}

/** A button with a menu under it. */
export function Menu(props: MenuProps) {
  const { trigger, label, children, placement = "bottom start" } = props;
  return (
    <MenuTrigger>
      {trigger}
      <Popover className={styles.popover ?? ""} placement={placement} offset={4}>
        <AriaMenu
          className={styles.menu ?? ""}
          aria-label={label}
          selectionMode={props.selectionMode ?? "none"}
          {...(props.selectedKeys && { selectedKeys: props.selectedKeys })}
          onSelectionChange={(keys) => {
            if (keys !== "all") props.onSelectionChange?.(new Set([...keys].map(String)));
          }}
        >
          {children}
        </AriaMenu>
      </Popover>
    </MenuTrigger>
  );
}

export interface MenuItemProps extends Omit<AriaMenuItemProps, "children" | "className"> {
  icon?: ReactNode;
  shortcut?: string;
  description?: string;
  danger?: boolean;
  children: string;
}

/** One line of a menu. */
export function MenuItem(props: MenuItemProps) {
  const { icon, shortcut, description, danger, children, ...rest } = props;
  return (
    <AriaMenuItem
      {...rest}
      textValue={children}
      className={cx(styles.item, danger && styles.danger)}
    >
      {({ isSelected, selectionMode }) => (
        <>
          {selectionMode === "none" ? icon : <Check className={cx(!isSelected && styles.off)} />}
          <span className={styles.text}>
            <span className={styles.label}>{children}</span>
            {description !== undefined && <span className={styles.detail}>{description}</span>}
          </span>
          {shortcut !== undefined && <Kbd keys={shortcut} />}
        </>
      )}
    </AriaMenuItem>
  );
}

/** A hairline between groups of a menu. */
export function MenuLine() {
  return <Separator className={styles.line ?? ""} />;
}
