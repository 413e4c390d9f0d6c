import type { StatusShape, Tone } from "../ui/Badge";
import type { Agent } from "./types";

/** How an agent is doing, in a word. */
export interface StatusWords {
  tone: Tone;
  word: string;
  /** It is at work now. */
  live: boolean;
  /** Its sign where there is no room for the word. */
  shape?: StatusShape;
}

const RESTING: Record<string, StatusWords> = {
  FINISHED: { tone: "green", word: "Done", live: false, shape: "check" },
  ERROR: { tone: "red", word: "Failed", live: false, shape: "cross" },
  CANCELLED: { tone: "neutral", word: "Stopped", live: false, shape: "pause" },
  EXPIRED: { tone: "amber", word: "Out of time", live: false, shape: "clock" },
};

const ARCHIVED: StatusWords = { tone: "neutral", word: "Archived", live: false, shape: "box" };
const ASKING: StatusWords = { tone: "amber", word: "Needs you", live: false, shape: "question" };
const READY: StatusWords = { tone: "neutral", word: "Ready", live: false };

/** The agent's status in plain words. */
export function agentStatus(agent: Agent): StatusWords {
  if (agent.status === "ARCHIVED") return ARCHIVED;
  if (agent.question != null) return ASKING;
  if (agent.status !== "ACTIVE") return RESTING[agent.latestRunStatus] ?? READY;
  if (agent.sandbox.state === "starting" || agent.latestRunStatus === "CREATING") {
    return { tone: "accent", word: "Getting ready", live: true };
  }
  return { tone: "accent", word: "Working", live: true };
}

/** `team/project` of a repository's address. */
export function repositoryName(url: string): string {
  const path = url
    .replace(/[#?].*$/, "")
    .replace(/\/+$/, "")
    .replace(/\.git$/, "");
  const scp = /^[^/]+@[^/:]+:(.+)$/.exec(path);
  const parts = (scp?.[1] ?? path.replace(/^[a-z+]+:\/\/[^/]*/i, "")).split("/").filter(Boolean);
  const named = /^[a-z+]+:\/\/|@/i.test(path) && !path.startsWith("file:");
  return parts.slice(named ? -2 : -1).join("/") || url;
}

const PROVIDERS: Record<string, string> = { local: "this server", linux: "this server" };

/** Where the agent's machine stands, in words. */
export function providerName(provider: string): string {
  return PROVIDERS[provider] ?? provider;
}
