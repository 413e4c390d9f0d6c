/**
 * What the timeline shows: a flat list of rows, each complete in itself and replaced when it changes.
 *
 * A row's slots are filled by events in any order, so that older pages can be put before newer ones:
 * [`mergeRows`] joins the two halves of a row that a page boundary cut.
 */
import type {
  AskOptions,
  CheckReport,
  Failure,
  Legs,
  Outlay,
  Process,
  Prompt,
  PullRequest,
  PushConflict,
  PushPlan,
  PushStop,
  QuestionBody,
  Reading,
  RepoBase,
  RepoCheckpoint,
  RunStatus,
  ToolResult,
  Usage,
} from "./wire";

interface Base {
  key: string;
  /** The event that put the row where it stands. */
  seq: number;
  /** Milliseconds since 1970 of that event. */
  at: number;
  run?: string | undefined;
  /** The newest event that changed it. */
  upto?: number;
}

/** A message that began a run. */
export interface PromptRow extends Base {
  kind: "prompt";
  /** The event that has the message; the row stands where the run started. */
  said?: number | undefined;
  prompt?: Prompt | undefined;
  options?: AskOptions | undefined;
  principal?: string | undefined;
  started?: boolean;
}

/** A message put into a running run. */
export interface SteerRow extends Base {
  kind: "steer";
  /** The event that has the message; the row stands where it was taken up. */
  said?: number | undefined;
  prompt?: Prompt | undefined;
  principal?: string | undefined;
  taken?: boolean;
}

export interface PhaseDone {
  phase: string;
  durationMs: number;
  detail: string;
  /** It ended badly; what came of it stands in a note. */
  isFailed?: boolean;
}

/** A machine being made ready. */
export interface SetupRow extends Base {
  kind: "setup";
  epoch: number;
  provider?: string | undefined;
  bootMs?: number | undefined;
  phases: PhaseDone[];
  bases?: RepoBase[] | undefined;
  /** The environment file that is followed. */
  file?: string | undefined;
  readyAt?: number | undefined;
  /** What the file asks for that is still to be done. */
  awaits?: string[] | undefined;
  /** What it printed last, as far as this page saw it. */
  output?: string | undefined;
  failure?: Failure | undefined;
  /** It was stopped before anybody needed it. */
  isStopped?: boolean;
  /** Attempts at this that failed and are tried again. */
  retries?: Failure[] | undefined;
  progress?: { phase: string; text: string; percent?: number | null | undefined } | undefined;
}

export interface TextRow extends Base {
  kind: "text" | "thinking";
  step: number;
  text: string;
  /** Still being written. */
  live?: boolean;
  /** Some of what was written did not reach this page. */
  gap?: boolean;
  /** Cost of the message, where it is all that was said. */
  outlay?: Outlay | undefined;
}

export interface OutputPiece {
  stream: "stdout" | "stderr";
  text: string;
}

/** A tool call. */
export interface CallRow extends Base {
  kind: "call";
  step: number;
  call: string;
  name?: string | undefined;
  arguments?: string | undefined;
  state: "drafted" | "waiting" | "running" | "done" | "stopped";
  startedAt?: number | undefined;
  result?: ToolResult | undefined;
  durationMs?: number | undefined;
  output?: OutputPiece[] | undefined;
  outputCut?: boolean;
  /** Cost of the message that asked for this call and those behind it. */
  outlay?: Outlay | undefined;
}

export interface QuestionRow extends Base {
  kind: "question";
  asked?: QuestionBody | undefined;
  answer?: { text: string; principal: string; at: number } | undefined;
  /** The run ended without an answer. */
  closed?: boolean;
}

/** What became of a run's work: commit, push, pull request. */
export interface PublishRow extends Base {
  kind: "publish";
  checkpoint?: RepoCheckpoint[] | undefined;
  checkpointFailure?: Failure | undefined;
  pushing?: boolean;
  pushed?: PushPlan[] | undefined;
  pushFailure?: Failure | undefined;
  conflict?: PushConflict | undefined;
  stops?: (PushStop & { isAllowed: boolean })[] | undefined;
  checking?: boolean;
  checked?: CheckReport | undefined;
  pullWanted?: boolean;
  pulls?: PullRequest[] | undefined;
  pullFailure?: Failure | undefined;
}

export interface EndRow extends Base {
  kind: "end";
  status: RunStatus;
  failure?: Failure | undefined;
  durationMs: number;
}

export interface RetryRow extends Base {
  kind: "retry";
  step: number;
  attempts: number;
  reason?: string | undefined;
  until?: number | undefined;
  settled?: boolean;
}

/** Something the platform says: a limit near, a summary, a refusal, a machine gone. */
export interface NoteRow extends Base {
  kind: "note";
  note:
    | { type: "notice"; code: string; text: string }
    | { type: "compacted"; summary: string; upto: number; usage: Usage }
    | {
        type: "denied";
        host: string;
        port: number;
        code: string;
        message: string;
        process?: Process;
        count: number;
      }
    | { type: "narrowed"; secrets: string[] }
    | { type: "allThree"; reading: Reading; legs: Legs; isAllowed: boolean }
    | { type: "flowAllowed"; principal: string }
    | { type: "stopAllowed"; reason: string; principal: string }
    | { type: "withheld"; url: string; digest: string; isStranger: boolean; isAllowed: boolean }
    | { type: "configured"; principal: string }
    | { type: "allowed"; entry: string; isForRun: boolean; principal: string }
    | { type: "lost"; reason: string }
    | { type: "asleep"; epoch: number; reason: string; keepDisk: boolean }
    | { type: "failure"; failure: Failure; title: string }
    | { type: "keeping"; principal: string }
    | { type: "kept"; bytes: number; files: number }
    | { type: "forking"; principal: string }
    | { type: "forked"; agent: string }
    | { type: "notKept"; failure: Failure }
    | { type: "environment"; file: string; problems: string[]; warnings: string[] }
    | { type: "cancel"; principal: string }
    | { type: "merged"; repo: string; number: number; principal: string }
    | { type: "updated"; number: number; principal: string }
    | { type: "terminal"; terminal: string; principal: string; taken: boolean }
    | { type: "archived" | "unarchived" | "woken"; principal: string };
}

export type Row =
  | PromptRow
  | SteerRow
  | SetupRow
  | TextRow
  | CallRow
  | QuestionRow
  | PublishRow
  | EndRow
  | RetryRow
  | NoteRow;

const CALL_ORDER = ["drafted", "waiting", "running", "stopped", "done"];

/** Joins the older and the newer half of one row; the newer half wins where both know something. */
export function mergeRows(older: Row, newer: Row): Row {
  const known = Object.fromEntries(
    Object.entries(newer).filter(([, value]) => value !== undefined),
  ) as Partial<Row>;
  const joined = { ...older, ...known, seq: older.seq, at: older.at } as Row;
  if (joined.kind === "setup" && older.kind === "setup" && newer.kind === "setup") {
    const isKnown = (phase: PhaseDone) =>
      older.phases.some((one) => one.phase === phase.phase && one.detail === phase.detail);
    joined.phases = [...older.phases, ...newer.phases.filter((phase) => !isKnown(phase))];
    const isOver = (wanted: string) => newer.phases.some(({ phase }) => phase === wanted);
    joined.awaits = newer.awaits ?? older.awaits?.filter((wanted) => !isOver(wanted));
  }
  if (joined.kind === "call" && older.kind === "call" && newer.kind === "call") {
    const later = CALL_ORDER.indexOf(older.state) > CALL_ORDER.indexOf(newer.state);
    joined.state = later ? older.state : newer.state;
  }
  return joined;
}
