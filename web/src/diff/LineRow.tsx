import { MessageSquarePlus } from "lucide-react";
import { type MouseEvent, memo } from "react";
import { cx } from "../ui/cx";
import { Code } from "./Code";
import styles from "./LineRow.module.css";
import type { Pair, PatchLine } from "./patch";
import type { Block } from "./rows";

export type Side = "before" | "after";

interface LineActions {
  /** A line was picked to comment on; `extend` from the one picked before. */
  onPick(block: Block, line: PatchLine, side: Side, extend: boolean): void;
}

interface UnifiedProps extends LineActions {
  block: Block;
  line: PatchLine;
  isCurrent: boolean;
}

const SIGNS = { context: " ", added: "+", removed: "−" } as const;
const WORDS = { context: "", added: "Added", removed: "Removed" } as const;

/** A line in one column: both numbers, sign, code. */
export const UnifiedLine = memo(function UnifiedLine(props: UnifiedProps) {
  const { block, line, isCurrent, onPick } = props;
  const side: Side = line.kind === "removed" ? "before" : "after";
  const pick = (event: MouseEvent) => onPick(block, line, side, event.shiftKey);
  return (
    <div className={cx(styles.line, styles[line.kind], isCurrent && styles.current)}>
      <LineNumber value={line.before} onClick={pick} className={styles.first} />
      <LineNumber value={line.after} onClick={pick} />
      <Sign line={line} />
      <Code block={block} line={line} />
      <Add onClick={pick} />
    </div>
  );
});

interface SplitProps extends LineActions {
  block: Block;
  pair: Pair;
  isCurrent: boolean;
}

/** A line in two columns: before on the left, after on the right. */
export const SplitLine = memo(function SplitLine({ block, pair, isCurrent, onPick }: SplitProps) {
  return (
    <div className={cx(styles.split, isCurrent && styles.current)}>
      <Half block={block} line={pair.left} side="before" onPick={onPick} />
      <Half block={block} line={pair.right} side="after" onPick={onPick} />
    </div>
  );
});

interface HalfProps extends LineActions {
  block: Block;
  line: PatchLine | undefined;
  side: Side;
}

function Half({ block, line, side, onPick }: HalfProps) {
  if (!line) return <div className={cx(styles.half, styles.nothing)} />;
  // Comments on unchanged lines belong to the new side.
  const picked: Side = line.kind === "removed" ? "before" : "after";
  const pick = (event: MouseEvent) => onPick(block, line, picked, event.shiftKey);
  return (
    <div className={cx(styles.half, styles[line.kind])}>
      <LineNumber value={side === "before" ? line.before : line.after} onClick={pick} />
      <Sign line={line} />
      <Code block={block} line={line} />
      <Add onClick={pick} />
    </div>
  );
}

interface NumberProps {
  value: number | undefined;
  onClick(event: MouseEvent): void;
  className?: string | undefined;
}

/** Not a stop of the Tab key: there are thousands; `j`, `k` and `c` do the same by keyboard. */
function LineNumber({ value, onClick, className }: NumberProps) {
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: for the pointer; keys have their own way
    // biome-ignore lint/a11y/useKeyWithClickEvents: keys have their own way
    <span className={cx(styles.number, className)} onClick={onClick}>
      {value}
    </span>
  );
}

function Sign({ line }: { line: PatchLine }) {
  return (
    <span className={styles.sign}>
      <span aria-hidden="true">{SIGNS[line.kind]}</span>
      {line.kind !== "context" && <span className="visually-hidden">{WORDS[line.kind]}: </span>}
    </span>
  );
}

function Add({ onClick }: { onClick(event: MouseEvent): void }) {
  return (
    <button
      type="button"
      className={styles.add}
      tabIndex={-1}
      aria-label="Comment on this line"
      onClick={onClick}
    >
      <MessageSquarePlus aria-hidden="true" />
    </button>
  );
}
