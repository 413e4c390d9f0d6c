/** Comments on lines: drafts of this browser until they are sent as one message to the agent. */

import { useSyncExternalStore } from "react";

/** Lines of one side of a file. */
export interface Place {
  repoIndex: number;
  repoUrl: string;
  path: string;
  side: "before" | "after";
  from: number;
  to: number;
  /** The lines as they were commented on. */
  code: readonly string[];
}

export interface Comment {
  id: string;
  place: Place;
  text: string;
}

/** Comments kept for one agent. */
const COMMENTS_MAX = 100;
/** Quoted lines of one comment. */
const QUOTED_LINES_MAX = 12;
const QUOTED_CHARS_MAX = 400;

const NONE: readonly Comment[] = [];
const ID_WORDS = 4;
const cache = new Map<string, readonly Comment[]>();
const listeners = new Set<() => void>();

function keyOf(agent: string): string {
  return `errand.comments.${agent}`;
}

function read(agent: string): readonly Comment[] {
  const known = cache.get(agent);
  if (known) return known;
  let found: readonly Comment[] = NONE;
  try {
    const parsed: unknown = JSON.parse(localStorage.getItem(keyOf(agent)) ?? "[]");
    if (Array.isArray(parsed)) found = parsed.filter(isComment);
  } catch {
    // A browser that keeps nothing, or keeps nonsense, starts without drafts.
  }
  cache.set(agent, found);
  return found;
}

function isComment(value: unknown): value is Comment {
  const comment = value as Comment | null;
  return (
    typeof comment?.id === "string" &&
    typeof comment.text === "string" &&
    typeof comment.place?.path === "string" &&
    Array.isArray(comment.place.code)
  );
}

function write(agent: string, comments: readonly Comment[]) {
  cache.set(agent, comments);
  try {
    if (comments.length === 0) localStorage.removeItem(keyOf(agent));
    else localStorage.setItem(keyOf(agent), JSON.stringify(comments));
  } catch {
    // Kept for as long as the page is open.
  }
  for (const listener of listeners) listener();
}

/** Tells a comment from all others. Pages over plain HTTP have no `randomUUID`. */
export function newCommentId(): string {
  return crypto.getRandomValues(new Uint32Array(ID_WORDS)).join("-");
}

/** The drafts for an agent. */
export function useComments(agent: string): readonly Comment[] {
  return useSyncExternalStore(subscribe, () => read(agent));
}

function subscribe(listener: () => void): () => void {
  const fromOtherTab = (event: StorageEvent) => {
    if (!event.key?.startsWith("errand.comments.")) return;
    cache.delete(event.key.slice("errand.comments.".length));
    listener();
  };
  listeners.add(listener);
  window.addEventListener("storage", fromOtherTab);
  return () => {
    listeners.delete(listener);
    window.removeEventListener("storage", fromOtherTab);
  };
}

export function saveComment(agent: string, comment: Comment) {
  const others = read(agent).filter((each) => each.id !== comment.id);
  write(agent, [...others, comment].slice(-COMMENTS_MAX));
}

export function removeComment(agent: string, id: string) {
  write(
    agent,
    read(agent).filter((each) => each.id !== id),
  );
}

export function clearComments(agent: string) {
  write(agent, NONE);
}

/** `src/main.rs:12`, `src/main.rs:12-14`, and the side where it is the old one. */
export function placeText({ path, from, to, side }: Place): string {
  const lines = from === to ? `${from}` : `${from}-${to}`;
  return `${path}:${lines}${side === "before" ? " (before the change)" : ""}`;
}

/** One follow-up message for the agent out of all comments, ordered by place. */
export function messageOf(comments: readonly Comment[]): string {
  const sorted = [...comments].sort(
    (a, b) =>
      a.place.repoUrl.localeCompare(b.place.repoUrl) ||
      a.place.path.localeCompare(b.place.path) ||
      a.place.from - b.place.from,
  );
  const several = new Set(sorted.map((comment) => comment.place.repoUrl)).size > 1;
  const parts = sorted.map((comment, index) => {
    const where = `${index + 1}. ${placeText(comment.place)}`;
    const repo = several ? ` in ${comment.place.repoUrl}` : "";
    return `${where}${repo}\n${quote(comment.place.code)}\n${comment.text.trim()}`;
  });
  const intro =
    sorted.length === 1
      ? "Please address this comment on your changes."
      : `Please address these ${sorted.length} comments on your changes.`;
  return [intro, ...parts].join("\n\n");
}

function quote(code: readonly string[]): string {
  const shown = code.slice(0, QUOTED_LINES_MAX).map((line) => `> ${cut(line)}`.trimEnd());
  if (code.length > QUOTED_LINES_MAX) {
    shown.push(`> … ${code.length - QUOTED_LINES_MAX} more lines`);
  }
  return shown.join("\n");
}

function cut(line: string): string {
  return line.length > QUOTED_CHARS_MAX ? `${line.slice(0, QUOTED_CHARS_MAX)}…` : line;
}
