/** Files of a diff as the page holds them. */

import type { Schemas } from "../api/types";
import { type Hunk, parsePatch } from "./patch";

export type FileDiff = Schemas["FileDiff"] & {
  /** Git's modes, where the server tells them. */
  oldMode?: string | null;
  newMode?: string | null;
};
export type RepoDiff = Omit<Schemas["RepoDiff"], "files"> & { files: FileDiff[] };

/** One file of one repository. */
export interface Entry {
  /** Unique within the page. */
  key: string;
  /** Place of its repository among the agent's. */
  repoIndex: number;
  repo: RepoDiff;
  file: FileDiff;
  /** Changes when the patch does: marks as viewed hold for one content only. */
  hash: string;
  hunks: Hunk[];
  /** Why its lines are not shown at first. */
  folded?: FoldReason;
}

export type FoldReason = "binary" | "image" | "left_out" | "no_lines" | "large" | "generated";

/** Changed and surrounding lines beyond which a file starts folded. */
const LARGE_LINES = 1_500;
const LARGE_CHARS = 400_000;

const IMAGE = /\.(png|jpe?g|gif|webp|avif|bmp|ico|svg)$/i;
const GENERATED =
  /(^|\/)(package-lock\.json|yarn\.lock|pnpm-lock\.yaml|Cargo\.lock|poetry\.lock|uv\.lock|go\.sum|composer\.lock|Gemfile\.lock)$|\.min\.(js|css)$/;

/** All files of all repositories, in the server's order. */
export function entriesOf(
  repos: readonly RepoDiff[],
  indexOf: (repo: RepoDiff) => number,
): Entry[] {
  return repos.flatMap((repo) => {
    const repoIndex = indexOf(repo);
    return repo.files.map((file) => entryOf(repo, repoIndex, file));
  });
}

function entryOf(repo: RepoDiff, repoIndex: number, file: FileDiff): Entry {
  const hunks = parsePatch(file.patch);
  const folded = foldReason(file, hunks);
  return {
    key: `${repoIndex}:${file.path}`,
    repoIndex,
    repo,
    file,
    hash: hashOf(`${file.status}\0${file.oldPath ?? ""}\0${file.additions}\0${file.patch}`),
    hunks,
    ...(folded && { folded }),
  };
}

function foldReason(file: FileDiff, hunks: readonly Hunk[]): FoldReason | undefined {
  // An SVG is text as well: its lines are worth more than a picture of it.
  if (isImage(file.path) && (file.binary || hunks.length === 0)) return "image";
  if (file.binary) return "binary";
  if (hunks.length === 0) return file.additions + file.deletions > 0 ? "left_out" : "no_lines";
  if (GENERATED.test(file.path)) return "generated";
  const lines = hunks.reduce((sum, hunk) => sum + hunk.lines.length, 0);
  return lines > LARGE_LINES || file.patch.length > LARGE_CHARS ? "large" : undefined;
}

export function isImage(path: string): boolean {
  return IMAGE.test(path);
}

/** 53 bits of a text, good enough to tell two versions of a file apart. */
export function hashOf(text: string): string {
  let low = 0xdeadbeef;
  let high = 0x41c6ce57;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    low = Math.imul(low ^ code, 2654435761);
    high = Math.imul(high ^ code, 1597334677);
  }
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909);
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909);
  return (4294967296 * (2097151 & high) + (low >>> 0)).toString(36);
}

/** The letter of a status, as developers know it, and its word. */
export function statusOf(status: string): { letter: string; word: string } {
  return STATUS[status] ?? { letter: "M", word: "Changed" };
}

const STATUS: Record<string, { letter: string; word: string }> = {
  added: { letter: "A", word: "Added" },
  deleted: { letter: "D", word: "Deleted" },
  modified: { letter: "M", word: "Changed" },
  renamed: { letter: "R", word: "Renamed" },
  copied: { letter: "C", word: "Copied" },
  type_changed: { letter: "T", word: "Became another kind of file" },
};
