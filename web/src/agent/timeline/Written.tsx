import { ChevronRight } from "lucide-react";
import { memo, useMemo } from "react";
import { cx } from "../../ui/cx";
import { Markdown } from "../../ui/Markdown";
import { visibleBidi } from "../../ui/untrusted";
import { OutlayOf } from "../cards/Outlay";
import type { TextRow } from "../rows";
import { useOpening } from "../useTimeline";
import { splitMarkdown } from "./split";
import styles from "./Written.module.css";

/** Characters of one text that are laid out. */
const TEXT_CHARS = 200_000;
/** Characters of thinking that stand in its one line. */
const GIST_CHARS = 140;

/** What the agent wrote. */
export const Written = memo(function Written({ row }: { row: TextRow }) {
  const pieces = useMemo(() => splitMarkdown(row.text.slice(0, TEXT_CHARS)), [row.text]);
  return (
    <div className={cx(styles.text, row.live && styles.live)}>
      {pieces.map((piece, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: pieces only ever grow at the end
        <Markdown key={at} text={piece} />
      ))}
      {row.text.length > TEXT_CHARS && (
        <p className={styles.note}>
          {(row.text.length - TEXT_CHARS).toLocaleString()} more characters are not shown.
        </p>
      )}
      {row.outlay && (
        <p className={styles.note}>
          <OutlayOf outlay={row.outlay} />
        </p>
      )}
      {row.gap && (
        <p className={styles.note}>
          Part of this was written while the connection was away. It is complete once the step ends.
        </p>
      )}
    </div>
  );
});

/** What the model thought before it answered: one line, the rest on demand. */
export const Thinking = memo(function Thinking({ row }: { row: TextRow }) {
  const [isOpen, open] = useOpening(row.key, false);
  return (
    <div className={styles.thinking}>
      <button
        type="button"
        className={styles.summary}
        aria-expanded={isOpen}
        onClick={() => open(!isOpen)}
      >
        <ChevronRight className={styles.chevron} aria-hidden="true" />
        <span className={cx(styles.word, row.live && styles.shimmer)}>
          {row.live ? "Thinking" : "Thought"}
        </span>
        {!isOpen && <span className={styles.gist}>{gist(row)}</span>}
      </button>
      {isOpen && <p className={styles.thoughts}>{visibleBidi(row.text.slice(0, TEXT_CHARS))}</p>}
    </div>
  );
});

function gist({ text, live }: TextRow): string {
  const part = live ? text.slice(-GIST_CHARS) : text.slice(0, GIST_CHARS);
  return visibleBidi(part.replace(/\s+/g, " ").trim());
}
