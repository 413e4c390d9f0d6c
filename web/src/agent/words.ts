/** Plain words for what the machinery calls otherwise. */
import type { Tone } from "../ui/Badge";
import type { Head } from "./head";

export const STATUS: Record<string, { word: string; tone: Tone; live?: boolean }> = {
  CREATING: { word: "Starting", tone: "accent", live: true },
  RUNNING: { word: "Working", tone: "accent", live: true },
  FINISHED: { word: "Done", tone: "green" },
  ERROR: { word: "Failed", tone: "red" },
  CANCELLED: { word: "Stopped", tone: "neutral" },
  EXPIRED: { word: "Out of time", tone: "amber" },
};

/** What the agent is doing, for its header. */
export function stateOf(
  head: Head,
  known: { status?: string | undefined; latestRunStatus?: string | undefined },
): { word: string; tone: Tone; live?: boolean } {
  if (head.deleted) return { word: "Deleted", tone: "neutral" };
  if (head.archived ?? known.status === "ARCHIVED") return { word: "Archived", tone: "neutral" };
  if (head.questions.length > 0) return { word: "Needs you", tone: "amber" };
  if (head.active?.cancelling) return { word: "Stopping", tone: "neutral" };
  if (head.active?.publishing) return { word: "Saving its work", tone: "accent", live: true };
  if (head.active)
    return { word: head.isBuild ? "Building" : "Working", tone: "accent", live: true };
  if (head.isKeeping) return { word: "Keeping its machine", tone: "accent", live: true };
  return STATUS[known.latestRunStatus ?? ""] ?? { word: "Ready", tone: "neutral" };
}

/** The phases of getting ready, as their line says it while it lasts and when it is over. */
export const PHASES: Record<string, [during: string, done: string]> = {
  image: ["Fetching its image", "Begins with the image"],
  sandbox: ["Starting a machine", "Machine started"],
  snapshot: ["Bringing what a build prepared up to date", "Begins with what a build prepared"],
  mirror: ["Fetching the repository", "Repository fetched"],
  clone: ["Copying the repository into the machine", "Repository copied in"],
  branch: ["Preparing the branch", "Branch prepared"],
  startup: ["Running the startup commands", "Startup commands ran"],
  install: ["Installing what the project needs", "Project's install ran"],
  start: ["Starting what the project needs", "Project's start ran"],
  terminals: ["Opening the project's terminals", "Project's terminals are open"],
  update: ["Bringing the branch up to date", "Branch up to date"],
};

/** Those of them that run scripts, after the machine is ready. */
export const SET_UP_PHASES: ReadonlySet<string> = new Set([
  "startup",
  "install",
  "start",
  "terminals",
]);

/** Where something failed, as a person would say it. */
export const FAILED_AT: Record<string, string> = {
  repository: "finding the repository",
  sandbox: "starting the machine",
  clone: "copying the repository",
  branch: "preparing the branch",
  set_up: "getting the machine ready",
  model: "asking the model",
  tool: "running a tool",
  commit: "saving the work as a commit",
  push: "pushing the branch",
  pull_request: "opening the pull request",
  internal: "inside Errand",
};

/** Why a machine went to sleep. */
export const ASLEEP: Record<string, string> = {
  idle: "The machine went to sleep because nothing was happening. It wakes with your next message.",
  hard_limit:
    "The machine reached its longest life and was stopped. Your next message starts another.",
  archived: "The machine was stopped because the agent was archived.",
  deleted: "The machine is being removed.",
  snapshot: "The machine was stopped, so that its disk can be kept as it is.",
};

/** What a limit near or reached is called. */
export const NOTICES: Record<string, string> = {
  soft_time: "Time is running out",
  soft_steps: "Few steps are left",
  soft_tokens: "Most tokens are used",
  soft_cost: "Most of the budget is used",
  failing: "The same call keeps failing",
};
