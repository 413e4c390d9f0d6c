/** What holds for the agent as a whole at the end of the log: what it does now, what waits, what it cost. */
import type { Fold } from "./fold";
import type { PromptRow, SteerRow } from "./rows";
import type { AskOptions, LogEntry, Todo } from "./wire";

/** The run that is under way. */
export interface Active {
  run: string;
  startedAt?: number | undefined;
  options?: AskOptions | undefined;
  model?: string | undefined;
  steps: number;
  cancelling?: boolean;
  /** The model is done; the work is being saved and published. */
  publishing?: boolean;
  /** A step is asking the model. */
  asking?: boolean;
}

export type Machine = "unknown" | "starting" | "up" | "asleep" | "lost" | "failed";

export interface Head {
  name?: string | undefined;
  archived?: boolean | undefined;
  deleted?: boolean;
  active?: Active | undefined;
  queue: readonly PromptRow[];
  steers: readonly SteerRow[];
  todos?: { run: string; todos: Todo[] } | undefined;
  /** Keys of questions that wait for an answer. */
  questions: readonly string[];
  machine: Machine;
  /** The newest machine that was asked for. */
  epoch?: number | undefined;
  /** It prepares a machine for others and talks to nobody. */
  isBuild?: boolean;
  /** It has startup commands. */
  startsUp?: boolean;
  /** Its disk is to be kept for new agents. */
  isKeeping?: boolean;
  /** What the newest steps cost, oldest first. */
  spent: readonly Spent[];
}

/** What one step cost. */
export interface Spent {
  seq: number;
  tokens: number;
  costMicros: number;
}

/** Steps whose cost is remembered; older ones are in the agent's own sum by then. */
const SPENT_STEPS = 200;

/** Cost of steps behind an event. */
export function spentAfter(head: Head, seq: number): { tokens: number; costMicros: number } {
  const sum = { tokens: 0, costMicros: 0 };
  for (const step of head.spent) {
    if (step.seq <= seq) continue;
    sum.tokens += step.tokens;
    sum.costMicros += step.costMicros;
  }
  return sum;
}

export const NO_HEAD: Head = {
  queue: [],
  steers: [],
  questions: [],
  machine: "unknown",
  spent: [],
};

/** The head after one more event, which the fold has taken in already. */
export function headAfter(head: Head, entry: LogEntry, fold: Fold): Head {
  const { event } = entry;
  const at = Date.parse(entry.at);
  switch (event.type) {
    case "Opened":
      return {
        ...head,
        isBuild: event.settings.build !== undefined,
        startsUp: event.settings.startupCommands !== undefined,
      };
    case "Renamed":
      return { ...head, name: event.name };
    case "Archived":
      return { ...head, archived: true };
    case "Unarchived":
      return { ...head, archived: false };
    case "Deleted":
      return { ...head, deleted: true };
    case "Asked":
      return { ...head, queue: [...fold.queued.values()] };
    case "RunEnded": {
      // A queued run may be taken back while another goes on.
      const active = head.active?.run === event.run ? undefined : head.active;
      const queue = [...fold.queued.values()];
      return { ...head, active, queue, ...open(fold) };
    }
    case "RunStarted": {
      const options = fold.row(`prompt:${event.run}`, "prompt")?.options;
      const active = { run: event.run, startedAt: at, options, steps: 0 };
      return { ...head, active, queue: [...fold.queued.values()] };
    }
    case "Steered":
    case "SteerTaken":
      return { ...head, steers: [...fold.steers.values()] };
    case "QuestionAsked":
    case "QuestionAnswered":
      return { ...head, ...open(fold) };
    case "TodosChanged":
      return { ...head, todos: { run: event.run, todos: event.todos } };
    case "SandboxWanted":
      return { ...head, machine: "starting", epoch: event.epoch };
    case "SandboxUp":
      return { ...head, machine: "up", epoch: event.epoch };
    case "SandboxFailed":
      return { ...head, machine: "failed" };
    case "SandboxLost":
      return { ...head, machine: "lost" };
    case "SandboxStopped":
      return { ...head, machine: "asleep" };
    case "SnapshotWanted":
      return { ...head, isKeeping: true };
    case "SnapshotMade":
    case "SnapshotFailed":
      return { ...head, isKeeping: false };
    case "StepFinished":
    case "Compacted":
      return counted(withRun(head, event.run, { asking: false }), entry);
    case "ModelCalled":
      return counted(head, entry);
    case "StepStarted": {
      const steps = (head.active?.steps ?? 0) + (event.attempt === 1 ? 1 : 0);
      return withRun(head, event.run, { model: event.model, steps, asking: true });
    }
    case "MessageFinished":
      return withRun(head, event.run, { asking: false });
    case "CancelRequested":
      return head.active?.run === event.run ? withRun(head, event.run, { cancelling: true }) : head;
    case "TurnEnded":
      return { ...withRun(head, event.run, { publishing: true, asking: false }), ...open(fold) };
    default:
      return head;
  }
}

function open(fold: Fold): Pick<Head, "questions"> {
  return { questions: [...fold.openQuestions] };
}

/** The first event of a window may find its run under way. */
function withRun(head: Head, run: string, slots: Partial<Active>): Head {
  return { ...head, active: { steps: 0, ...head.active, run, ...slots } };
}

function counted(head: Head, { seq, event }: LogEntry): Head {
  const isCounted = ["StepFinished", "Compacted", "ModelCalled"].includes(event.type);
  if (!isCounted || !("usage" in event)) return head;
  const { inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens } = event.usage;
  const tokens = inputTokens + outputTokens + cacheReadTokens + cacheWriteTokens;
  const step = { seq, tokens, costMicros: event.costMicros };
  return { ...head, spent: [...head.spent.slice(1 - SPENT_STEPS), step] };
}
