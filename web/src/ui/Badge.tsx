import type { ReactNode } from "react";
import styles from "./Badge.module.css";
import { cx } from "./cx";

export type Tone = "neutral" | "green" | "amber" | "red" | "blue" | "accent";

/** A word in a pill. */
export function Badge({ tone = "neutral", icon, children }: BadgeProps) {
  return (
    <span className={cx(styles.badge, styles[tone])}>
      {icon}
      {children}
    </span>
  );
}

interface BadgeProps {
  tone?: Tone;
  icon?: ReactNode;
  children: ReactNode;
}

interface StatusDotProps {
  tone: Tone;
  /** Always said; shown unless `dotOnly`. */
  word: string;
  dotOnly?: boolean;
  /** Pulses, for what is at work. */
  live?: boolean;
}

/** A status: a dot and its word, never colour alone. */
export function StatusDot({ tone, word, dotOnly, live }: StatusDotProps) {
  return (
    <span className={styles.status}>
      <span className={cx(styles.dot, styles[tone], live && styles.live)} aria-hidden="true" />
      <span className={cx(dotOnly && "visually-hidden")}>{word}</span>
    </span>
  );
}
