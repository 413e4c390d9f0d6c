import { CircleAlert, RotateCw } from "lucide-react";
import type { ReactNode } from "react";
import { explain } from "../api/errors";
import { Button } from "./Button";
import { cx } from "./cx";
import styles from "./states.module.css";

interface ErrorStateProps {
  /** What could not be done: "Could not load the changes". */
  title: string;
  error: unknown;
  onRetry?: (() => void) | undefined;
}

/** What a place shows when it failed: what happened, what to do, and a way to try again. */
export function ErrorState({ title, error, onRetry }: ErrorStateProps) {
  const { message, code } = explain(error);
  return (
    <div className={styles.state} role="alert">
      <span className={styles.icon}>
        <CircleAlert aria-hidden="true" />
      </span>
      <h2>{title}</h2>
      <p className={styles.text}>{message}</p>
      {onRetry !== undefined && (
        <div className={styles.actions}>
          <Button icon={<RotateCw />} onPress={onRetry}>
            Try again
          </Button>
        </div>
      )}
      {code !== undefined && (
        <p className={styles.detail}>
          Code <code>{code}</code>
        </p>
      )}
    </div>
  );
}

interface BannerProps {
  tone?: "neutral" | "amber" | "red";
  icon?: ReactNode;
  children: ReactNode;
  action?: ReactNode;
}

/** A notice inside a page. */
export function Banner({ tone = "neutral", icon, children, action }: BannerProps) {
  return (
    <div
      className={cx(styles.banner, tone !== "neutral" && styles[tone])}
      role={tone === "red" ? "alert" : "note"}
    >
      {icon ?? (tone !== "neutral" && <CircleAlert aria-hidden="true" />)}
      <div>{children}</div>
      {action}
    </div>
  );
}
