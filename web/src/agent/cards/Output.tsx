import { memo, useMemo } from "react";
import { cx } from "../../ui/cx";
import { parseAnsi, type Span } from "../ansi";
import styles from "./Output.module.css";

/** Lines that are laid out at most; more would only slow the page. */
const MOST_LINES = 5000;

interface OutputProps {
  text: string;
  /** So many lines only, from the top or from the end. */
  lines?: number | undefined;
  from?: "start" | "end";
  /** Prose breaks its lines; what a program laid out does not. */
  isProse?: boolean;
  /** Announced as lines of this: "Output". */
  label: string;
}

/** What a program printed: colour and weight, nothing else it may ask for. */
export const Output = memo(function Output(props: OutputProps) {
  const { text, lines = MOST_LINES, from, isProse, label } = props;
  const all = useMemo(() => parseAnsi(clip(text, lines, from)), [text, lines, from]);
  const shown = from === "end" ? all.slice(-lines) : all.slice(0, lines);
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset cannot be preformatted
    <pre
      className={cx(styles.output, isProse && styles.prose)}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: long lines must scroll by keyboard
      tabIndex={0}
      role="group"
      aria-label={label}
    >
      {shown.map((line, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: lines have no other name
        <Line key={at} spans={line} />
      ))}
    </pre>
  );
});

const Line = memo(
  function Line({ spans }: { spans: Span[] }) {
    return (
      <span className={styles.line}>
        {spans.map((span, at) => (
          <span
            // biome-ignore lint/suspicious/noArrayIndexKey: spans have no other name
            key={at}
            className={span.style === "" ? undefined : classes(span.style)}
          >
            {span.text}
          </span>
        ))}
        {"\n"}
      </span>
    );
  },
  (before, after) =>
    before.spans.length === after.spans.length &&
    before.spans.every((span, at) => {
      const other = after.spans[at];
      return other?.text === span.text && other.style === span.style;
    }),
);

function classes(style: string): string {
  return cx(...style.split(" ").map((name) => styles[name]));
}

/** Only what can be shown is looked at, so that a megabyte costs what a screen costs. */
function clip(text: string, lines: number, from: "start" | "end" | undefined): string {
  const trimmed = text.endsWith("\n") ? text.slice(0, -1) : text;
  const room = Math.max(lines * 400, 20_000);
  if (trimmed.length <= room) return trimmed;
  return from === "end" ? trimmed.slice(-room) : trimmed.slice(0, room);
}

/** Lines of a text, as `Output` counts them. */
export function lineCount(text: string): number {
  let lines = text === "" || text.endsWith("\n") ? 0 : 1;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lines += 1;
  return lines;
}
