import { Check, ChevronDown, ChevronRight, MessageSquare, Search } from "lucide-react";
import { useEffect, useMemo, useRef, useState } from "react";
import { VList, type VListHandle } from "virtua";
import { cx } from "../ui/cx";
import { TextField } from "../ui/Field";
import { Counts } from "./Counts";
import type { Entry } from "./entry";
import { StatusLetter } from "./FileRow";
import styles from "./FileTree.module.css";
import { visible } from "./segments";
import { fits, type TreeLine, treeOf } from "./tree";

interface FileTreeProps {
  entries: readonly Entry[];
  current: string | undefined;
  isViewed(entry: Entry): boolean;
  commentsOf(entry: Entry): number;
  repoName(entry: Entry): string | undefined;
  onGo(entry: Entry): void;
}

/** The changed files as folders, with a filter. */
export function FileTree(props: FileTreeProps) {
  const { entries, current, repoName, onGo } = props;
  const [filter, setFilter] = useState("");
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  const list = useRef<VListHandle>(null);
  const shown = useMemo(() => {
    const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
    return words.length === 0 ? entries : entries.filter((entry) => fits(entry, words));
  }, [entries, filter]);
  const lines = useMemo(() => treeOf(shown, closed, repoName), [shown, closed, repoName]);

  useEffect(() => {
    const index = lines.findIndex((line) => line.type === "file" && line.key === current);
    if (index !== -1) list.current?.scrollToIndex(index, { align: "nearest" });
  }, [lines, current]);

  const toggle = (key: string) =>
    setClosed((before) => {
      const next = new Set(before);
      if (!next.delete(key)) next.add(key);
      return next;
    });

  return (
    <div className={styles.tree}>
      <div className={styles.filter}>
        <TextField
          label="Filter files"
          hideLabel
          type="search"
          placeholder="Filter files"
          icon={<Search aria-hidden="true" />}
          value={filter}
          onChange={setFilter}
        />
      </div>
      {lines.length === 0 ? (
        <p className={styles.none}>No changed file fits “{filter}”.</p>
      ) : (
        <VList ref={list} className={styles.list} data={lines} itemSize={28}>
          {(line) =>
            line.type === "folder" ? (
              <FolderLine
                key={line.key}
                line={line}
                isOpen={!closed.has(line.key)}
                onToggle={toggle}
              />
            ) : (
              <FileLine
                key={line.key}
                line={line}
                isCurrent={line.key === current}
                {...props}
                onGo={onGo}
              />
            )
          }
        </VList>
      )}
    </div>
  );
}

interface FolderLineProps {
  line: TreeLine & { type: "folder" };
  isOpen: boolean;
  onToggle(key: string): void;
}

function FolderLine({ line, isOpen, onToggle }: FolderLineProps) {
  return (
    <button
      type="button"
      className={styles.line}
      style={indent(line.depth)}
      aria-expanded={isOpen}
      onClick={() => onToggle(line.key)}
    >
      {isOpen ? <ChevronDown aria-hidden="true" /> : <ChevronRight aria-hidden="true" />}
      <span className={styles.folder}>{visible(line.name)}</span>
      {!isOpen && <span className={styles.count}>{line.count}</span>}
    </button>
  );
}

interface FileLineProps extends Pick<FileTreeProps, "isViewed" | "commentsOf" | "onGo"> {
  line: TreeLine & { type: "file" };
  isCurrent: boolean;
}

function FileLine({ line, isCurrent, isViewed, commentsOf, onGo }: FileLineProps) {
  const { entry } = line;
  const viewed = isViewed(entry);
  const comments = commentsOf(entry);
  return (
    <button
      type="button"
      className={cx(styles.line, isCurrent && styles.current, viewed && styles.viewed)}
      style={indent(line.depth)}
      aria-current={isCurrent ? "true" : undefined}
      title={entry.file.path}
      onClick={() => onGo(entry)}
    >
      <StatusLetter status={entry.file.status} />
      <span className={styles.name}>{visible(line.name)}</span>
      {comments > 0 && (
        <span className={styles.count}>
          <MessageSquare aria-hidden="true" />
          {comments}
          <span className="visually-hidden"> comments</span>
        </span>
      )}
      {viewed && (
        <span className={styles.check}>
          <Check aria-hidden="true" />
          <span className="visually-hidden">Viewed</span>
        </span>
      )}
      <Counts additions={entry.file.additions} deletions={entry.file.deletions} />
    </button>
  );
}

function indent(depth: number) {
  return { paddingLeft: 8 + Math.min(depth, 8) * 14 };
}
