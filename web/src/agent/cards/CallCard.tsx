import {
  ChevronRight,
  CircleSlash,
  FilePen,
  FilePlus2,
  FileText,
  FolderTree,
  ListTodo,
  Search,
  Terminal,
  TriangleAlert,
  Wrench,
} from "lucide-react";
import { type ComponentType, memo } from "react";
import { Spinner } from "../../ui/Button";
import { cx } from "../../ui/cx";
import { duration } from "../../ui/format";
import { HiddenNote } from "../../ui/HiddenNote";
import { visibleBidi } from "../../ui/untrusted";
import type { CallRow } from "../rows";
import { useOpening } from "../useTimeline";
import { CallBody } from "./CallBody";
import styles from "./CallCard.module.css";
import { Elapsed } from "./Elapsed";
import { endedOf, type Told, tell } from "./tool";

const ICONS: Record<Told["tool"], ComponentType> = {
  command: Terminal,
  read: FileText,
  write: FilePlus2,
  edit: FilePen,
  list: FolderTree,
  search: Search,
  todos: ListTodo,
  unknown: Wrench,
};

/** Durations below this say nothing. */
const WORTH_TELLING_MS = 500;
const TARGET_CHARS = 300;

/** One tool call: a line that says what is done to what, and its body behind it. */
export const CallCard = memo(function CallCard({ row }: { row: CallRow }) {
  const told = tell(row);
  const isFailed = row.result?.isError === true;
  const isRunning = row.state === "running";
  const isLoud = ["command", "edit", "write"].includes(told.tool);
  const hasBody = row.result !== undefined || (row.output?.length ?? 0) > 0;
  const [isOpen, open] = useOpening(row.key, false);
  const Icon = ICONS[told.tool];
  const isFramed = hasBody && (isOpen || isLoud || isFailed);
  return (
    <div className={cx(styles.card, isFramed && styles.framed, isFailed && styles.failed)}>
      <button
        type="button"
        className={styles.head}
        aria-expanded={isOpen}
        disabled={!hasBody}
        onClick={() => open(!isOpen)}
      >
        <span className={styles.icon} aria-hidden="true">
          {isRunning || row.state === "drafted" ? <Spinner /> : <Icon />}
        </span>
        <span className={cx(styles.verb, told.tool === "command" && told.target && styles.quiet)}>
          {row.state === "drafted" ? `Preparing: ${told.verb}` : told.verb}
        </span>
        {told.target !== "" && <code className={styles.target}>{firstLine(told.target)}</code>}
        <span className={styles.facts}>
          <Outcome row={row} told={told} />
          {hasBody && <ChevronRight className={styles.chevron} aria-hidden="true" />}
        </span>
      </button>
      {isFramed && <CallBody row={row} told={told} isOpen={isOpen} onOpen={() => open(true)} />}
      {row.result && (
        <HiddenNote
          className={styles.hidden}
          // Lines are counted as they are shown.
          text={told.body?.type === "output" ? told.body.text : row.result.text}
          becomes="The model reads them, and is told of them."
        />
      )}
    </div>
  );
});

function Outcome({ row, told }: { row: CallRow; told: Told }) {
  if (row.state === "running" && row.startedAt !== undefined)
    return <Elapsed since={row.startedAt} />;
  if (row.state === "waiting") return <span>Waiting for the machine</span>;
  if (row.state === "stopped") {
    return (
      <span className={styles.fact}>
        <CircleSlash aria-hidden="true" /> Stopped
      </span>
    );
  }
  const ended = endedOf(row);
  const took = row.durationMs ?? 0;
  return (
    <>
      {row.result?.isError ? (
        <span className={cx(styles.fact, styles.bad)}>
          <TriangleAlert aria-hidden="true" /> {trouble(ended)}
        </span>
      ) : (
        told.outcome !== undefined && <span>{told.outcome}</span>
      )}
      {took >= WORTH_TELLING_MS && <span>{duration(took)}</span>}
    </>
  );
}

function trouble(ended: ReturnType<typeof endedOf>): string {
  if (ended?.isTimedOut) return "Time limit";
  if (ended?.exitCode !== undefined) return `Exit ${ended.exitCode}`;
  if (ended?.signal !== undefined) return `Signal ${ended.signal}`;
  return "Failed";
}

function firstLine(text: string): string {
  const [line = ""] = text.split("\n", 1);
  const more = text.length > line.length || line.length > TARGET_CHARS ? " …" : "";
  return visibleBidi(line.slice(0, TARGET_CHARS)) + more;
}
