import { memo } from "react";
import { cx } from "../../ui/cx";
import { visibleBidi } from "../../ui/untrusted";
import { LINE_CHARS } from "../ansi";
import styles from "./DiffLines.module.css";

/** The lines of a small diff: hunks with a mark before each line. */
export const DiffLines = memo(function DiffLines({ text, lines }: { text: string; lines: number }) {
  const all = text.replace(/\n$/, "").split("\n").slice(0, lines);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: long lines must scroll by keyboard
    // biome-ignore lint/a11y/useSemanticElements: a fieldset cannot be preformatted
    <pre className={styles.diff} tabIndex={0} role="group" aria-label="Changed lines">
      {all.map((line, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: lines have no other name
        <span key={at} className={cx(styles.line, styles[kindOf(line)])}>
          {kindOf(line) === "hunk" ? (
            hunk(line)
          ) : (
            <>
              <span className={styles.mark}>{line.slice(0, 1)}</span>
              {cut(line.slice(1))}
            </>
          )}
          {"\n"}
        </span>
      ))}
    </pre>
  );
});

function kindOf(line: string): "added" | "removed" | "hunk" | "same" {
  if (line.startsWith("@@")) return "hunk";
  if (line.startsWith("+")) return "added";
  if (line.startsWith("-")) return "removed";
  return "same";
}

function hunk(line: string): string {
  const at = /^@@ -\d+(?:,\d+)? \+(\d+)/.exec(line)?.[1];
  return at === undefined ? line : `line ${at}`;
}

function cut(line: string): string {
  const shown = line.length > LINE_CHARS ? `${line.slice(0, LINE_CHARS)}… (cut)` : line;
  return visibleBidi(shown);
}
