import { Columns2, PanelLeft, Rows3 } from "lucide-react";
import { type ReactNode, useCallback, useMemo, useState } from "react";
import { Button, IconButton } from "../ui/Button";
import { Sheet } from "../ui/Dialog";
import { Banner } from "../ui/ErrorState";
import { plural } from "../ui/format";
import { Counts } from "./Counts";
import styles from "./DiffView.module.css";
import { type Entry, entriesOf, type RepoDiff } from "./entry";
import { FileTree } from "./FileTree";
import type { Finding } from "./findings";
import { Lines } from "./Lines";
import type { Layout } from "./rows";
import { SendComments } from "./SendComments";
import { inTreeOrder } from "./tree";
import { useCursor } from "./useCursor";
import { useEntries } from "./useEntries";
import { type Goal, useGoal } from "./useGoal";
import { useLayout } from "./useLayout";
import { isViewed } from "./viewed";

interface DiffViewProps {
  agent: string;
  repos: readonly RepoDiff[];
  /** Place of a repository among the agent's. */
  indexOf(repo: RepoDiff): number;
  findings?: readonly Finding[];
  /** What to bring into sight. */
  goal?: Goal | undefined;
  /** First in the toolbar: which changes are shown. */
  scope?: ReactNode;
  /** Under the files. */
  aside?: ReactNode;
}

/** A whole diff: files on the left, lines on the right. */
export function DiffView(props: DiffViewProps) {
  const { agent, repos, indexOf, findings, goal, scope, aside } = props;
  const [layout, setLayout, canSplit] = useLayout();
  const [sheet, setSheet] = useState(false);
  const entries = useMemo(() => inTreeOrder(entriesOf(repos, indexOf)), [repos, indexOf]);
  const { rows, actions, viewed, comments } = useEntries(agent, entries, layout, findings);
  const cursor = useCursor(entries, rows, actions, viewed);
  useGoal(goal, { entries, rows, actions, cursor });

  const seen = useCallback((entry: Entry) => isViewed(viewed, entry), [viewed]);
  const seenCount = useMemo(() => entries.filter(seen).length, [entries, seen]);
  const commentsOf = useCallback(
    (entry: Entry) =>
      comments.filter(
        ({ place }) => place.repoIndex === entry.repoIndex && place.path === entry.file.path,
      ).length,
    [comments],
  );
  const several = repos.length > 1;
  const repoName = useCallback(
    (entry: Entry) => (several ? entry.repo.repoUrl.replace(/^.*\//, "") : undefined),
    [several],
  );
  const total = useMemo(() => sum(repos), [repos]);
  const files = (onGo: (entry: Entry) => void) => (
    <FileTree
      entries={entries}
      current={cursor.entry?.key}
      isViewed={seen}
      commentsOf={commentsOf}
      repoName={repoName}
      onGo={onGo}
    />
  );

  return (
    <div className={styles.view}>
      <div className={styles.toolbar}>
        <span className={styles.filesButton}>
          <IconButton label="Show the files" icon={<PanelLeft />} onPress={() => setSheet(true)} />
        </span>
        {scope}
        <span className={styles.total}>
          {plural(entries.length, "file")}
          <Counts {...total} />
        </span>
        <span className={styles.end}>
          <span className={styles.progress} role="status">
            {seenCount} of {entries.length} viewed
          </span>
          {canSplit && <LayoutButton layout={layout} onChange={setLayout} />}
          <SendComments agent={agent} comments={comments} />
        </span>
      </div>
      {repos.some((repo) => repo.truncated) && (
        <div className={styles.banner}>
          <Banner tone="amber">
            These changes are very large. Some files show no lines here; check out the branch to see
            all of them.
          </Banner>
        </div>
      )}
      <div className={styles.body}>
        <aside className={styles.aside} aria-label="Files">
          {files(cursor.goTo)}
          {aside}
        </aside>
        <Lines
          agent={agent}
          rows={rows}
          actions={actions}
          viewed={viewed}
          cursor={cursor}
          repoName={repoName}
        />
      </div>
      <Sheet isOpen={sheet} onOpenChange={setSheet} label="Files">
        <div className={styles.sheet}>
          {files((entry) => {
            setSheet(false);
            cursor.goTo(entry);
          })}
          {aside}
        </div>
      </Sheet>
    </div>
  );
}

function LayoutButton({ layout, onChange }: { layout: Layout; onChange(layout: Layout): void }) {
  const isSplit = layout === "split";
  return (
    <Button
      size="s"
      variant="quiet"
      icon={isSplit ? <Rows3 /> : <Columns2 />}
      onPress={() => onChange(isSplit ? "unified" : "split")}
    >
      {isSplit ? "One column" : "Side by side"}
    </Button>
  );
}

function sum(repos: readonly RepoDiff[]) {
  return repos.reduce(
    (total, { stat }) => ({
      additions: total.additions + stat.additions,
      deletions: total.deletions + stat.deletions,
    }),
    { additions: 0, deletions: 0 },
  );
}
