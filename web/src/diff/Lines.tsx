import { useRef } from "react";
import { Virtualizer } from "virtua";
import { CommentRow, DraftRow, FindingRow } from "./CommentRows";
import type { Entry } from "./entry";
import { FileRow } from "./FileRow";
import { GapRow, ImageRow, NoteRow } from "./FoldRows";
import { SplitLine, UnifiedLine } from "./LineRow";
import styles from "./Lines.module.css";
import type { Row } from "./rows";
import { type Cursor, hasLine } from "./useCursor";
import type { RowActions } from "./useEntries";
import { isViewed } from "./viewed";

interface LinesProps {
  agent: string;
  rows: Row[];
  actions: RowActions;
  viewed: Readonly<Record<string, string>>;
  cursor: Cursor;
  repoName(entry: Entry): string | undefined;
}

/** Height of a line, which is what most rows are. */
const LINE_PX = 20;

/** All rows of a diff; only those in sight exist. */
export function Lines(props: LinesProps) {
  const { rows, cursor, actions, viewed } = props;
  const scroller = useRef<HTMLElement>(null);
  const { entry } = cursor;
  const head = cursor.isHeadHidden && entry !== undefined && (
    <div className={styles.sticky}>
      <FileRow
        entry={entry}
        isOpen
        isSticky
        isViewed={isViewed(viewed, entry)}
        actions={{
          ...actions,
          toggle: (which) => {
            actions.toggle(which);
            cursor.goTo(which);
          },
          view: (which, now) => {
            actions.view(which, now);
            cursor.goTo(which);
          },
        }}
      />
    </div>
  );
  return (
    <div className={styles.lines}>
      {head}
      <section
        ref={scroller}
        className={styles.scroller}
        aria-label="Changed lines"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it must scroll by keyboard
        tabIndex={0}
      >
        <Virtualizer
          ref={cursor.list}
          scrollRef={scroller}
          data={rows}
          itemSize={LINE_PX}
          bufferSize={400}
          onScroll={cursor.onScroll}
        >
          {(row, index) => (
            <div key={index} className={row.type === "file" ? styles.head : styles.row}>
              <OneRow row={row} {...props} />
            </div>
          )}
        </Virtualizer>
      </section>
    </div>
  );
}

function OneRow({ row, agent, actions, viewed, cursor, repoName }: LinesProps & { row: Row }) {
  const { entry } = row;
  switch (row.type) {
    case "file":
      return (
        <>
          <RepoName name={repoName(entry)} />
          <FileRow
            entry={entry}
            isOpen={row.isOpen}
            isViewed={isViewed(viewed, entry)}
            actions={actions}
          />
        </>
      );
    case "line":
      return (
        <UnifiedLine
          block={row.block}
          line={row.line}
          isCurrent={row.line === cursor.line}
          onPick={cursor.pick}
        />
      );
    case "pair":
      return (
        <SplitLine
          block={row.block}
          pair={row.pair}
          isCurrent={hasLine(row, cursor.line)}
          onPick={cursor.pick}
        />
      );
    case "gap":
      return <GapRow {...row} actions={actions} />;
    case "note":
      return <NoteRow entry={entry} actions={actions} />;
    case "image":
      return <ImageRow agent={agent} entry={entry} />;
    case "comment":
      return <CommentRow agent={agent} comment={row.comment} />;
    case "draft":
      return <DraftRow agent={agent} place={row.place} onDone={() => actions.draft(undefined)} />;
    case "finding":
      return <FindingRow finding={row.finding} />;
    case "space":
      return <div className={styles.space} />;
  }
}

function RepoName({ name }: { name: string | undefined }) {
  return name === undefined ? null : <div className={styles.repo}>{name}</div>;
}
