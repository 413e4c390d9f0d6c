import type { CreateAgent, Mode, ModelChoice, PromptImage } from "../api/types";

/** One repository of a launch. */
export interface LaunchRepository {
  url: string;
  /** Branch, tag or commit; empty: the default branch. */
  ref: string;
}

/** A variable of the sandbox; its value is kept nowhere in this browser. */
export interface Variable {
  name: string;
  value: string;
}

/** Limits as typed; empty: the server's default. */
export interface LimitsDraft {
  minutes: string;
  steps: string;
  tokens: string;
  dollars: string;
}

/** What the composer holds: everything about an agent that is not sent yet. */
export interface Launch {
  /** Chosen before sending, so that sending twice starts one agent. */
  agentId: string;
  text: string;
  repositories: LaunchRepository[];
  /** Empty: the default model. */
  modelId: string;
  params: Record<string, string>;
  mode: Mode;
  name: string;
  branchName: string;
  workOnCurrentBranch: boolean;
  autoCreatePR: boolean;
  variables: Variable[];
  limits: LimitsDraft;
}

export const NO_LIMITS: LimitsDraft = { minutes: "", steps: "", tokens: "", dollars: "" };

/** A launch with nothing in it. */
export function emptyLaunch(): Launch {
  return {
    agentId: newAgentId(),
    text: "",
    repositories: [],
    modelId: "",
    params: {},
    mode: "agent",
    name: "",
    branchName: "",
    workOnCurrentBranch: false,
    autoCreatePR: true,
    variables: [],
    limits: NO_LIMITS,
  };
}

const PROMPT_CHARACTERS = 100_000;
const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** What keeps a launch from being sent, by field; nothing when it can be sent. */
export function problemsOf(launch: Launch): Partial<Record<ProblemField, string>> {
  const problems: Partial<Record<ProblemField, string>> = {};
  const length = [...launch.text].length;
  if (launch.text.trim() === "") problems.text = "Write what the agent should do.";
  else if (length > PROMPT_CHARACTERS) {
    problems.text = `The task has ${length} characters; ${PROMPT_CHARACTERS} fit. Put long material into a file.`;
  }
  const bad = launch.variables.find(({ name }) => name !== "" && !VARIABLE_NAME.test(name));
  if (bad !== undefined) {
    problems.variables = `“${bad.name}” cannot be the name of a variable: use letters, digits and _.`;
  }
  for (const [name, value] of Object.entries(launch.limits)) {
    if (value.trim() !== "" && !(Number(value) > 0)) {
      problems.limits = `The limit of ${name} needs a number above 0, or nothing.`;
    }
  }
  if (launch.workOnCurrentBranch && (launch.repositories[0]?.ref ?? "") === "") {
    problems.branch = "To work on a branch itself, name that branch beside the repository.";
  }
  return problems;
}

export type ProblemField = "text" | "variables" | "limits" | "branch";

/** The request that starts it. */
export function requestOf(launch: Launch, images: PromptImage[]): CreateAgent {
  const repos = launch.repositories.map(({ url, ref }) => ({
    url,
    ...(ref.trim() !== "" && { startingRef: ref.trim() }),
  }));
  const variables = launch.variables.filter(({ name }) => name !== "");
  const limits = limitsOf(launch.limits);
  const branchName = launch.branchName.trim();
  return {
    agentId: launch.agentId,
    prompt: { text: launch.text, ...(images.length > 0 && { images }) },
    mode: launch.mode,
    ...(launch.name.trim() !== "" && { name: launch.name.trim() }),
    ...(launch.modelId !== "" && { model: modelOf(launch) }),
    ...(repos.length > 0 && { repos, autoCreatePR: launch.autoCreatePR }),
    ...(repos.length > 0 && launch.workOnCurrentBranch && { workOnCurrentBranch: true }),
    ...(repos.length > 0 && !launch.workOnCurrentBranch && branchName !== "" && { branchName }),
    ...(variables.length > 0 && {
      envVars: Object.fromEntries(variables.map(({ name, value }) => [name, value])),
    }),
    ...(limits !== undefined && { limits }),
  };
}

/** What may be kept in the browser: never values of variables. */
export function withoutSecrets(launch: Launch): Launch {
  return { ...launch, variables: launch.variables.map(({ name }) => ({ name, value: "" })) };
}

function modelOf(launch: Launch): ModelChoice {
  const params = Object.entries(launch.params).map(([id, value]) => ({ id, value }));
  return { id: launch.modelId, ...(params.length > 0 && { params }) };
}

function limitsOf(limits: LimitsDraft): CreateAgent["limits"] | undefined {
  const whole = (text: string) => (text.trim() === "" ? undefined : Math.round(Number(text)));
  const found = {
    minutes: whole(limits.minutes),
    steps: whole(limits.steps),
    tokens: whole(limits.tokens),
    costCents: limits.dollars.trim() === "" ? undefined : Math.round(Number(limits.dollars) * 100),
  };
  const given = Object.entries(found).filter(([, value]) => value !== undefined);
  return given.length === 0 ? undefined : Object.fromEntries(given);
}

/** `bc-<uuid>`. Pages over plain HTTP have no `randomUUID`. */
function newAgentId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const parts = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20)];
  return `bc-${parts.join("-")}-${hex.slice(20)}`;
}
