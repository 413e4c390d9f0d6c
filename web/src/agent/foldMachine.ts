/** The part of the fold that follows the machine: made ready, lost, asleep, refused connections. */
import type { Fold } from "./fold";
import type { SetupRow } from "./rows";
import type {
  Failure,
  FoundEnvironment,
  ImageChosenBody,
  LogEntry,
  RepoBase,
  SetUpOutcome,
} from "./wire";

/** Folds an event of a machine; false if it is of another kind. */
export function applyMachine(fold: Fold, entry: LogEntry): boolean {
  const { event } = entry;
  const at = Date.parse(entry.at);
  switch (event.type) {
    case "SandboxWanted":
      fold.patch(setup(fold, entry, event.epoch), { provider: event.provider, ...fold.ahead });
      fold.ahead = {};
      return true;
    case "SandboxUp":
      fold.patch(setup(fold, entry, event.epoch), { bootMs: event.bootMs, progress: undefined });
      return true;
    case "SandboxFailed":
      fold.patch(setup(fold, entry, event.epoch), { failure: event.failure });
      return true;
    case "PhaseFinished": {
      const row = setup(fold, entry, event.epoch);
      const { phase, durationMs, detail } = event;
      // A machine that is up already is looked over before each run; that is not news.
      if (row.readyAt !== undefined) return true;
      fold.patch(row, {
        phases: [...row.phases, { phase, durationMs, detail }],
        progress: undefined,
      });
      return true;
    }
    case "EnvironmentRead":
      environmentRead(fold, entry, event.environment);
      return true;
    case "ImageChosen":
      imageChosen(fold, entry, event);
      return true;
    case "SetUpFinished":
      setUpFinished(fold, entry, event);
      return true;
    case "WorkspaceReady": {
      const row = setup(fold, entry, event.epoch);
      if (row.readyAt !== undefined) return true;
      const isOver = (phase: string) => row.phases.some((done) => done.phase === phase);
      const own = fold.head.startsUp === true ? ["startup"] : [];
      const awaits = [...own, ...(fold.setUp ?? [])].filter((phase) => !isOver(phase));
      fold.patch(row, { readyAt: at, awaits, progress: undefined, failure: undefined });
      return true;
    }
    case "WorkspaceFailed":
      fold.patch(setup(fold, entry, event.epoch), { failure: event.failure, progress: undefined });
      return true;
    case "BaseResolved":
      known(fold, { bases: event.repos });
      withheld(fold, entry, event.repos);
      return true;
    case "BaseFailed":
      // The end of the run tells it; the machine need not.
      return true;
    case "SandboxLost":
      fold.note(entry, undefined, { type: "lost", reason: event.reason });
      return true;
    case "SandboxStopWanted":
      if (event.reason !== "lost" && event.reason !== "broken") {
        const { epoch, reason, keepDisk } = event;
        fold.note(entry, undefined, { type: "asleep", epoch, reason, keepDisk });
      }
      return true;
    case "SandboxStopped": {
      const row = fold.row(`setup:${event.epoch}`, "setup");
      if (row && row.readyAt === undefined) {
        fold.patch(row, { isStopped: true, progress: undefined });
      }
      return true;
    }
    case "EffectFailed":
      effectFailed(fold, entry, event.key, event.failure);
      return true;
    case "Denied": {
      const name = `${event.host}:${event.port}`;
      const known = fold.row(fold.denied.get(name) ?? "", "note");
      const { host, port, code, message, process } = event;
      if (known?.note.type === "denied") {
        fold.patch(known, { note: { ...known.note, count: known.note.count + 1 } });
      } else {
        fold.denied.set(name, `note:${entry.seq}`);
        fold.note(entry, undefined, {
          type: "denied",
          host,
          port,
          code,
          message,
          count: 1,
          ...(process && { process }),
        });
      }
      return true;
    }
    case "NetworkNarrowed":
      fold.note(entry, undefined, { type: "narrowed", secrets: event.secrets ?? [] });
      return true;
    case "IntegrityLowered":
    case "LegsChanged":
      // What comes of it is told, if anything does.
      return true;
    case "AllThreeMet": {
      const { reading, legs } = event;
      const note = { type: "allThree", reading, legs, isAllowed: false } as const;
      fold.note(entry, undefined, note, `allThree:${reading.integrity}:${legs.whenAllThree}`);
      return true;
    }
    case "FlowAllowed": {
      for (const policy of ["ask", "narrow"]) {
        const row = fold.row(`allThree:${event.integrity}:${policy}`, "note");
        if (row?.note.type === "allThree") {
          fold.patch(row, { note: { ...row.note, isAllowed: true } });
        }
      }
      fold.note(entry, undefined, { type: "flowAllowed", principal: event.principal });
      return true;
    }
    case "ConfigurationAllowed": {
      const row = fold.row(`withheld:${event.digest}`, "note");
      if (row?.note.type === "withheld") {
        fold.patch(row, { note: { ...row.note, isAllowed: true } });
      }
      fold.note(entry, undefined, { type: "configured", principal: event.principal });
      return true;
    }
    case "HostAllowed": {
      const { entry: host, run, principal } = event;
      fold.note(entry, undefined, { type: "allowed", entry: host, isForRun: !!run, principal });
      return true;
    }
    case "Woken":
      fold.note(entry, undefined, { type: "woken", principal: event.principal });
      return true;
    case "Attended":
      return true;
    case "TerminalTaken":
    case "TerminalReleased": {
      const { terminal, principal } = event;
      const taken = event.type === "TerminalTaken";
      fold.note(entry, undefined, { type: "terminal", terminal, principal, taken });
      return true;
    }
    default:
      return false;
  }
}

function environmentRead(fold: Fold, entry: LogEntry, environment: FoundEnvironment): void {
  const { file, problems = [], warnings = [], install, start, terminals = [] } = environment;
  if (problems.length + warnings.length > 0) {
    fold.note(entry, undefined, { type: "environment", file, problems, warnings });
  }
  if (problems.length > 0) {
    fold.setUp = [];
    return;
  }
  // A build prepares the disk and starts nothing.
  const isBuild = fold.head.isBuild === true;
  const wanted: [string, boolean][] = [
    ["install", Boolean(install)],
    ["start", Boolean(start) && !isBuild],
    ["terminals", terminals.length > 0 && !isBuild],
  ];
  fold.setUp = wanted.flatMap(([phase, isWanted]) => (isWanted ? [phase] : []));
  // A first machine is made once its image is there, which may take minutes.
  if (environment.image !== undefined) place(fold, entry, 1);
  known(fold, { file });
}

/** Configurations that nobody reviewed: told once, whatever number of runs begin with them. */
function withheld(fold: Fold, entry: LogEntry, bases: readonly RepoBase[]): void {
  for (const { url, configuration } of bases) {
    if (!configuration || !["changed", "stranger"].includes(configuration.trust)) continue;
    const { digest, trust } = configuration;
    const key = `withheld:${digest}`;
    if (fold.row(key, "note")) continue;
    const isStranger = trust === "stranger";
    fold.note(
      entry,
      undefined,
      { type: "withheld", url, digest, isStranger, isAllowed: false },
      key,
    );
  }
}

/** What is known of a machine that is made ready, or of the one that is wanted next. */
function known(fold: Fold, facts: Partial<SetupRow>): void {
  const row = newestSetup(fold);
  if (row && row.readyAt === undefined) fold.patch(row, facts);
  else fold.ahead = { ...fold.ahead, ...facts };
}

function imageChosen(fold: Fold, entry: LogEntry, event: ImageChosenBody): void {
  const { image, outcome, durationMs } = event;
  const row = place(fold, entry, 1);
  const isFailed = outcome.type === "failed";
  const detail = image.reference + (outcome.type === "kept" ? ", which was there" : "");
  const phases = [
    ...row.phases,
    { phase: "image", durationMs, detail, ...(isFailed && { isFailed }) },
  ];
  fold.patch(row, { phases, progress: undefined });
  if (!isFailed) return;
  const title = fold.head.isBuild
    ? "The build cannot be used: its image could not be had"
    : "The agent goes on without the image of its environment";
  fold.note(entry, undefined, { type: "failure", failure: outcome.failure, title });
}

interface Finished {
  epoch: number;
  phase: string;
  outcome: SetUpOutcome;
  durationMs: number;
}

function setUpFinished(fold: Fold, entry: LogEntry, event: Finished): void {
  const { phase, durationMs, outcome, epoch } = event;
  const row = setup(fold, entry, epoch);
  const isFailed = outcome.type === "failed";
  const detail = outcome.type === "kept" ? "done on this disk before" : "";
  const phases = [...row.phases, { phase, durationMs, detail, ...(isFailed && { isFailed }) }];
  const awaits = row.awaits?.filter((one) => one !== phase);
  fold.patch(row, { phases, awaits, progress: undefined, output: undefined });
  if (!isFailed) return;
  const what = phase === "startup" ? "a startup command" : `${phase} of its environment`;
  const title = fold.head.isBuild
    ? `The build cannot be used: its ${phase} failed`
    : `The agent goes on although ${what} failed`;
  fold.note(entry, undefined, { type: "failure", failure: outcome.failure, title });
}

/**
 * The row of an epoch; half of it when its beginning lies on an older page. A machine that was there
 * before the run is looked over again: that adds to its row, wherever that stands, and is none itself.
 */
function setup(fold: Fold, entry: LogEntry, epoch: number): SetupRow {
  const isThere = entry.event.type !== "SandboxWanted" && fold.hasRunStart;
  if (!isThere) return place(fold, entry, epoch);
  const known = fold.row(`setup:${epoch}`, "setup");
  if (known) return known;
  const row = made(entry, epoch);
  fold.keepUnseen(row);
  return row;
}

/** The row of an epoch, here if it stands nowhere yet. */
function place(fold: Fold, entry: LogEntry, epoch: number): SetupRow {
  const known = fold.row(`setup:${epoch}`, "setup");
  if (known) return known;
  const row = made(entry, epoch);
  fold.put(row);
  return row;
}

function made(entry: LogEntry, epoch: number): SetupRow {
  const [key, at] = [`setup:${epoch}`, Date.parse(entry.at)];
  return { kind: "setup", key, seq: entry.seq, at, epoch, phases: [] };
}

function newestSetup(fold: Fold): SetupRow | undefined {
  for (let at = fold.keys.length - 1; at >= 0 && at > fold.keys.length - 8; at -= 1) {
    const row = fold.row(fold.keys[at] ?? "", "setup");
    if (row) return row;
  }
  return undefined;
}

function effectFailed(fold: Fold, entry: LogEntry, key: string, failure: Failure): void {
  const epoch = /\/e(\d+)\/(provision|prepare|attach|startup|install|start|terminals)/.exec(
    key,
  )?.[1];
  const row = epoch === undefined ? undefined : fold.row(`setup:${epoch}`, "setup");
  if (row && row.readyAt === undefined) {
    fold.patch(row, { retries: [...(row.retries ?? []), failure] });
    return;
  }
  const title = "An attempt failed and will be made again";
  fold.note(entry, undefined, { type: "failure", failure, title }, `effect:${key}`);
}
