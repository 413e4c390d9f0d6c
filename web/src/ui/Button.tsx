import type { ReactNode } from "react";
import { Button as AriaButton, type ButtonProps as AriaProps } from "react-aria-components";
import styles from "./Button.module.css";
import { cx } from "./cx";
import { Tooltip } from "./Tooltip";

export type ButtonVariant = "primary" | "secondary" | "quiet" | "danger";

export interface ButtonProps extends Omit<AriaProps, "className" | "children"> {
  variant?: ButtonVariant;
  size?: "m" | "s";
  icon?: ReactNode;
  children?: ReactNode;
  className?: string;
}

/** A labelled button. One `primary` at most on a view. */
export function Button(props: ButtonProps) {
  const { variant = "secondary", size = "m", icon, children, className, ...rest } = props;
  return (
    <AriaButton
      {...rest}
      className={cx(styles.button, styles[variant], size === "s" && styles.small, className)}
    >
      {rest.isPending ? <Spinner /> : icon}
      {children !== undefined && <span className={styles.label}>{children}</span>}
    </AriaButton>
  );
}

export interface IconButtonProps extends Omit<ButtonProps, "children" | "icon" | "variant"> {
  /** What it does, in words: read aloud and shown on hover. */
  label: string;
  icon: ReactNode;
  variant?: "quiet" | "secondary" | "primary";
  /** Shown after the label on hover. */
  shortcut?: string;
}

/** A button that is only an icon; its label is its tooltip. */
export function IconButton(props: IconButtonProps) {
  const { label, icon, variant = "quiet", size = "m", shortcut, className, ...rest } = props;
  return (
    <Tooltip text={label} shortcut={shortcut}>
      <AriaButton
        {...rest}
        aria-label={label}
        className={cx(
          styles.button,
          styles.icon,
          styles[variant],
          size === "s" && styles.small,
          className,
        )}
      >
        {rest.isPending ? <Spinner /> : icon}
      </AriaButton>
    </Tooltip>
  );
}

/** A turning ring for what is being waited for. */
export function Spinner() {
  return <span className={styles.spinner} aria-hidden="true" />;
}
