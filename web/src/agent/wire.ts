/** Events and deltas as the API sends them (docs/api.md). Unknown ones are kept and ignored. */

export type RunStatus = "CREATING" | "RUNNING" | "FINISHED" | "ERROR" | "CANCELLED" | "EXPIRED";
export type Mode = "agent" | "plan" | "ask" | "architect" | "debug";

export interface Failure {
  code: string;
  message: string;
  phase: string;
}

export interface Usage {
  inputTokens: number;
  outputTokens: number;
  cacheWriteTokens: number;
  cacheReadTokens: number;
}

/** What one message of the model cost. */
export interface Outlay {
  usage: Usage;
  costMicros: number;
}

export interface Image {
  mimeType: string;
  blob: string;
  size: number;
}

/** Something that a push would have carried and may not. */
export interface PushStop {
  url: string;
  commit: string;
  rule: string;
  path?: string;
  line?: number;
  why: string;
  mark: string;
}

/** A process inside, as the sandbox tells it. */
export interface Process {
  pid: number;
  name: string;
  command: string;
}

export interface Prompt {
  text: string;
  images?: Image[];
  source: string;
  /** Where it was asked, if that was at a forge. */
  askedAt?: AskedAt;
}

/** What a message brings along that was asked at a forge. */
export interface AskedAt {
  thread: {
    forge: string;
    repository: string;
    kind: "issue" | "pull_request";
    number: number;
    link: string;
  };
  readings?: Reading[];
  takenOut?: string[];
  /** That checks failed, and for which time in a row. */
  fix?: number;
}

export interface Todo {
  text: string;
  state: "pending" | "in_progress" | "done" | "dropped";
}

export interface ToolResult {
  text: string;
  isError: boolean;
  detail?: Record<string, unknown> | null;
  truncated?: boolean;
}

export interface ModelChoice {
  id: string;
  params?: { id: string; value: string }[];
}

export type Part =
  | { type: "text"; text: string }
  | { type: "thinking"; text: string }
  | { type: "toolCall"; call: string; name: string; arguments: string }
  | { type: "opaque"; raw: string };

/** Something that was read, and how far it is trusted. */
export interface Reading {
  integrity: string;
  source: string;
}

/** Which secrets the agent has, where it could carry data, and what the administrator wants of that. */
export interface Legs {
  secrets: string[];
  outward: string[];
  whenAllThree: "allow" | "ask" | "narrow";
}

export interface RepoCheckpoint {
  url: string;
  commit: string;
  previous: string;
  newCommits: number;
  stat: { files: number; additions: number; deletions: number };
  notes: string[];
}

export interface PushPlan {
  url: string;
  branch: string;
  expected?: string | null;
  commit: string;
}

export interface PushConflict {
  url: string;
  theirs: string;
  files: string[];
}

export interface PullRequest {
  url: string;
  number: number;
  link: string;
  head: string;
  base: string;
  commit: string;
}

export interface RepoBase {
  url: string;
  baseBranch: string;
  commit: string;
  defaultBranch: string;
  configuration?: { digest: string; trust: string } | null;
}

/** The environment file that the agent follows, or why it does not. */
export interface FoundEnvironment {
  file: string;
  image?: string;
  install?: string;
  start?: string;
  terminals?: { name: string }[];
  problems?: string[];
  warnings?: string[];
}

export type SetUpOutcome =
  | { type: "done" }
  | { type: "kept" }
  | { type: "failed"; failure: Failure };

type Of<T extends string, Body = object> = { type: T } & Body;
type InRun<T extends string, Body = object> = Of<T, { run: string } & Body>;
type InStep<T extends string, Body = object> = InRun<T, { step: number } & Body>;

export type AgentEvent =
  | Of<"Opened", { settings: OpenedSettings }>
  | Of<"Renamed", { name: string }>
  | InRun<"Asked", { prompt: Prompt; options: AskOptions; principal: string }>
  | InRun<"Steered", { message: string; prompt: Prompt; principal: string }>
  | InRun<"SteerTaken", { message: string }>
  | InRun<"RunStarted">
  | InRun<"BaseResolved", { repos: RepoBase[] }>
  | InRun<"EnvironmentRead", { environment: FoundEnvironment }>
  | InRun<"ImageChosen", ImageChosenBody>
  | InRun<"BaseFailed", { failure: Failure }>
  | Of<"SandboxWanted", { epoch: number; provider: string }>
  | Of<"SandboxUp", { epoch: number; bootMs: number }>
  | Of<"SandboxFailed", { epoch: number; failure: Failure }>
  | Of<"SandboxLost", { epoch: number; reason: string }>
  | Of<"SandboxStopWanted", { epoch: number; keepDisk: boolean; reason: string }>
  | Of<"SandboxStopped", { epoch: number }>
  | Of<"PhaseFinished", { epoch: number; phase: string; durationMs: number; detail: string }>
  | InRun<"WorkspaceReady", { epoch: number }>
  | InRun<"WorkspaceFailed", { epoch: number; failure: Failure }>
  | Of<"SetUpFinished", { epoch: number; phase: string; outcome: SetUpOutcome; durationMs: number }>
  | Of<"SnapshotWanted", SnapshotBody & { purpose?: "environment" | "fork"; principal: string }>
  | Of<"SnapshotMade", SnapshotBody & { bytes: number; files: number; freezeMs: number }>
  | Of<"SnapshotFailed", { key: string; failure: Failure }>
  | Of<"EffectFailed", { key: string; failure: Failure }>
  | InStep<"StepStarted", { attempt: number; model: string }>
  | InStep<"MessageFinished", { attempt: number; parts: Part[]; outlay?: Outlay }>
  | InStep<"ToolCalled", { call: string; epoch: number; name: string; arguments: string }>
  | InStep<"ToolReturned", { call: string; result: ToolResult; durationMs: number }>
  | InStep<"StepFinished", { usage: Usage; costMicros: number; durationMs: number; stop: string }>
  | InRun<"Noticed", { code: string; text: string }>
  | InRun<"TodosChanged", { todos: Todo[] }>
  | InRun<"Compacted", { upto: number; summary: string; usage: Usage; costMicros: number }>
  | Of<"NetworkNarrowed", { epoch: number; secrets?: string[] }>
  | Of<"IntegrityLowered", { epoch: number; reading: Reading }>
  | Of<"LegsChanged", { legs: Legs }>
  | Of<"AllThreeMet", { reading: Reading; legs: Legs }>
  | Of<"FlowAllowed", { integrity: string; principal: string }>
  | Of<"ConfigurationAllowed", { digest: string; principal: string }>
  | Of<"HostAllowed", { entry: string; run?: string | null; principal: string }>
  | Of<"ModelAsked", { run: string | null; model: string; aside: Usage; costMicros: number }>
  | Of<"ModelCalled", { run: string | null; model: string; usage: Usage; costMicros: number }>
  | Of<
      "Denied",
      {
        epoch: number;
        host: string;
        port: number;
        code: string;
        message: string;
        process?: Process;
      }
    >
  | InRun<"QuestionAsked", QuestionBody>
  | Of<"QuestionAnswered", { question: string; answer: string; principal: string }>
  | InRun<"CancelRequested", { principal: string }>
  | InRun<"TurnEnded", { outcome: { type: string; failure?: Failure } }>
  | InRun<"CheckpointWanted">
  | InRun<"CheckpointMade", { repos: RepoCheckpoint[] }>
  | InRun<"CheckpointFailed", { failure: Failure }>
  | InRun<"PushWanted", { pushes: PushPlan[] }>
  | InRun<"Pushed", { pushes: PushPlan[] }>
  | InRun<"PushFailed", { failure: Failure; conflict?: PushConflict | null; stops?: PushStop[] }>
  | Of<"StopAllowed", { mark: string; reason: string; principal: string }>
  | InRun<"ChecksWanted", { url: string; commit: string }>
  | InRun<"Checked", { report: CheckReport }>
  | InRun<"PullRequestWanted">
  | InRun<"PullRequestPublished", { pulls: PullRequest[] }>
  | InRun<"PullRequestFailed", { failure: Failure }>
  | Of<"PullRequestMerged", { repo: string; number: number; commit: string; principal: string }>
  | Of<
      "BranchUpdated",
      {
        repo: string;
        number: number;
        base: string;
        previous: string;
        commit: string;
        principal: string;
      }
    >
  | InRun<"RunEnded", RunEndedBody>
  | Of<"Woken" | "Attended", { principal: string }>
  | Of<"TerminalTaken", { terminal: string; principal: string }>
  | Of<"TerminalReleased", { terminal: string; principal: string }>
  | Of<"Archived", { principal: string }>
  | Of<"Unarchived", { principal: string }>
  | Of<"DeleteRequested", { principal: string }>
  | Of<"Deleted">;

/** What the server found when it checked a pushed commit itself. */
export interface CheckReport {
  url: string;
  commit: string;
  checks: { command: string; exitCode?: number; durationMs: number; said?: string }[];
  failure?: Failure;
}

/** What of an agent's settings its page shows. */
interface OpenedSettings {
  build?: object;
  startupCommands?: string[];
  forkedFrom?: { agent: string };
}

export interface ImageChosenBody {
  image: { reference: string };
  outcome: SetUpOutcome;
  durationMs: number;
}

interface SnapshotBody {
  key: string;
  layer: string;
}

export interface AskOptions {
  model?: ModelChoice | null;
  mode?: Mode | null;
  automatic?: boolean;
}

export interface QuestionBody {
  question: string;
  kind: "plan_approval" | "question" | "allow_request";
  text: string;
  options: string[];
  default: string;
  deadlineMs: number;
  call?: string | null;
}

interface RunEndedBody {
  status: RunStatus;
  failure?: Failure | null;
  result: string;
  durationMs: number;
}

/** One entry of the log. */
export interface LogEntry {
  seq: number;
  at: string;
  event: AgentEvent;
}

export type Delta =
  | {
      type: "text";
      run: string;
      step: number;
      attempt: number;
      kind: "text" | "thinking";
      text: string;
      end: number;
    }
  | { type: "toolDrafted"; run: string; step: number; attempt: number; name: string }
  | {
      type: "output";
      run: string;
      call: string;
      stream: "stdout" | "stderr";
      offset: number;
      text: string;
    }
  | {
      type: "retrying";
      run: string;
      step: number;
      attempt: number;
      delayMs: number;
      reason: string;
    }
  | { type: "progress"; epoch: number; phase: string; text: string; percent?: number | null };
