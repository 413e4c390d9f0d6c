import { memo } from "react";
import { CallCard } from "../cards/CallCard";
import { useRow } from "../useTimeline";
import { End } from "./End";
import { Note, Retry } from "./Notes";
import { Publish } from "./Publish";
import { Question } from "./Question";
import { Said } from "./Said";
import { Setup } from "./Setup";
import styles from "./TimelineView.module.css";
import { Thinking, Written } from "./Written";

/** One row of the timeline; it is laid out again only when it itself changed. */
export const RowView = memo(function RowView({ name }: { name: string }) {
  return (
    <div className={styles.row} id={rowId(name)} tabIndex={-1}>
      <Content name={name} />
    </div>
  );
});

/** The element of a row. */
export function rowId(name: string): string {
  return `row-${name}`;
}

function Content({ name }: { name: string }) {
  const row = useRow(name);
  switch (row?.kind) {
    case "prompt":
    case "steer":
      return <Said row={row} />;
    case "setup":
      return <Setup row={row} />;
    case "text":
      return <Written row={row} />;
    case "thinking":
      return <Thinking row={row} />;
    case "call":
      return <CallCard row={row} />;
    case "question":
      return <Question row={row} />;
    case "publish":
      return <Publish row={row} />;
    case "end":
      return <End row={row} />;
    case "retry":
      return <Retry row={row} />;
    case "note":
      return <Note row={row} />;
    case undefined:
      return null;
  }
}
