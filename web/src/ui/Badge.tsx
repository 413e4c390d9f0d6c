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

/** Drawn where the word is not shown, so that colour never says it alone. */
export type StatusShape = "check" | "cross" | "question" | "pause" | "clock" | "box";

const SHAPES: Record<StatusShape, string> = {
  check: "m2.5 6.4 2.4 2.4 4.6-5.2",
  cross: "m3 3 6 6m0-6-6 6",
  question: "M4 4.3a2 2 0 1 1 2.9 1.8c-.6.3-.9.7-.9 1.3M6 9.7v.1",
  pause: "M4.2 3v6m3.6-6v6",
  clock: "M6 1.6a4.4 4.4 0 1 0 0 8.8 4.4 4.4 0 0 0 0-8.8M6 3.8V6l1.5 1",
  box: "M2.5 3.5h7M3.3 3.5v6h5.4v-6M5 5.8h2",
};

interface StatusDotProps {
  tone: Tone;
  /** Always said; shown unless `dotOnly`. */
  word: string;
  dotOnly?: boolean;
  /** Pulses, for what is at work. */
  live?: boolean;
  /** With `dotOnly`: drawn in place of the dot. */
  shape?: StatusShape | undefined;
}

/** A status: a dot and its word, never colour alone. */
export function StatusDot({ tone, word, dotOnly, live, shape }: StatusDotProps) {
  return (
    <span className={styles.status} title={dotOnly ? word : undefined}>
      {dotOnly && shape !== undefined ? (
        <svg className={cx(styles.shape, styles[tone])} viewBox="0 0 12 12" aria-hidden="true">
          <path d={SHAPES[shape]} />
        </svg>
      ) : (
        <span className={cx(styles.dot, styles[tone], live && styles.live)} aria-hidden="true" />
      )}
      <span className={cx(dotOnly && "visually-hidden")}>{word}</span>
    </span>
  );
}
