/** Builds as the settings show them: by their repositories, in plain words. */
import { repositoryName } from "../../api/status";
import type { BuildBody, BuildChange, BuildChanges } from "../../api/types";
import type { Tone } from "../../ui/Badge";

/** All builds of one list of repositories, newest first. */
export interface BuildGroup {
  key: string;
  repos: string[];
  builds: BuildBody[];
}

/** Builds of the same repositories together; the list that had one last comes first. */
export function groupsOf(builds: readonly BuildBody[]): BuildGroup[] {
  const groups = new Map<string, BuildGroup>();
  for (const build of builds) {
    const key = build.repos.join("\n");
    const group = groups.get(key) ?? { key, repos: build.repos, builds: [] };
    group.builds.push(build);
    groups.set(key, group);
  }
  const newest = ({ builds: all }: BuildGroup) => all[0]?.createdAt ?? "";
  const all = [...groups.values()];
  for (const group of all) group.builds.sort((a, b) => order(b.createdAt, a.createdAt));
  return all.sort((a, b) => order(newest(b), newest(a)));
}

function order(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

/** `team/shop`, `team/shop and team/api`. */
export function namesOf(repos: readonly string[]): string {
  const names = repos.map(repositoryName);
  const last = names.at(-1) ?? "no repository";
  return names.length < 2 ? last : `${names.slice(0, -1).join(", ")} and ${last}`;
}

/** How a build stands. */
export function statusOf(build: BuildBody): { word: string; tone: Tone; live: boolean } {
  if (build.status === "RUNNING") return { word: "Building", tone: "accent", live: true };
  if (build.status === "FAILED") return { word: "Failed", tone: "red", live: false };
  if (build.current) return { word: "Current", tone: "green", live: false };
  return { word: "Ready", tone: "neutral", live: false };
}

const ORIGINS: Record<string, string> = {
  automatic: "Built by itself",
  asked: "Built by hand",
  kept: "Kept from an agent",
  imported: "Taken in from another server",
};

/** How a build came about. */
export function originOf({ origin }: BuildBody): string {
  return ORIGINS[origin] ?? origin;
}

/** What new agents of a group begin with, in a sentence. */
export function beginningOf({ builds }: BuildGroup): string {
  const current = builds.find((build) => build.current);
  if (current?.pinned) return "New agents begin with the pinned build, whatever is built later.";
  if (current) return "New agents begin with the newest build that is ready.";
  const isComing = builds.some(({ status }) => status === "RUNNING");
  return isComing
    ? "New agents begin from scratch until this build is ready."
    : "New agents begin from scratch: no build is ready.";
}

/** What becomes of it when a build is forgotten. */
export function forgettingOf(build: BuildBody, group: readonly BuildBody[]): string {
  if (build.status === "RUNNING") return "It is ended at once, and leaves nothing.";
  if (build.status === "FAILED") return "Its log goes with it.";
  const others = group.filter(({ layer, status }) => layer !== build.layer && status === "READY");
  const next = others.length > 0 ? "with the newest other build" : "from scratch";
  const after = build.current ? ` New agents then begin ${next}.` : "";
  return `Agents that began with it go on as they are.${after}`;
}

const KINDS: Record<string, string> = {
  startup: "read at a start",
  knownProgram: "a program that everybody calls",
  program: "a program",
};

/** How something that runs by itself differs: `Added, a program`. */
export function changeOf({ kind, change }: BuildChange): string {
  return `${change.charAt(0).toUpperCase()}${change.slice(1)}, ${KINDS[kind] ?? kind}:`;
}

/** What differs, in a sentence. */
export function changesOf({ beside, items }: BuildChanges): string {
  if (beside == null) {
    return items.length > 0
      ? "Programs where programs are looked for, and what shells, git and others read when they start:"
      : "It brings no program where programs are looked for, and nothing that shells or git read when they start.";
  }
  return items.length > 0
    ? "Beside the build before it:"
    : "Nothing that runs by itself differs from the build before it.";
}
