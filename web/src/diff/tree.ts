/** The folders of changed files, as lines of a list. */

import type { Entry } from "./entry";

export type TreeLine =
  | { type: "folder"; key: string; name: string; depth: number; count: number }
  | { type: "file"; key: string; name: string; depth: number; entry: Entry };

interface Folder {
  name: string;
  key: string;
  folders: Map<string, Folder>;
  entries: Entry[];
  count: number;
}

/** Folders that hold only one folder are written as one line: `src/app/pages`. */
export function treeOf(
  entries: readonly Entry[],
  closed: ReadonlySet<string>,
  repoName: (entry: Entry) => string | undefined,
): TreeLine[] {
  const root: Folder = { name: "", key: "", folders: new Map(), entries: [], count: 0 };
  for (const entry of entries) {
    const repo = repoName(entry);
    const parts = entry.file.path.split("/").slice(0, -1);
    let folder = root;
    for (const part of repo === undefined ? parts : [repo, ...parts]) {
      let next = folder.folders.get(part);
      if (!next) {
        const key = `${folder.key}/${part}`;
        next = { name: part, key, folders: new Map(), entries: [], count: 0 };
        folder.folders.set(part, next);
      }
      next.count += 1;
      folder = next;
    }
    folder.entries.push(entry);
  }
  const lines: TreeLine[] = [];
  write(lines, root, 0, closed);
  return lines;
}

function write(lines: TreeLine[], folder: Folder, depth: number, closed: ReadonlySet<string>) {
  for (const child of [...folder.folders.values()].sort((a, b) => a.name.localeCompare(b.name))) {
    const [name, last] = joined(child);
    lines.push({ type: "folder", key: last.key, name, depth, count: last.count });
    if (!closed.has(last.key)) write(lines, last, depth + 1, closed);
  }
  for (const entry of folder.entries.sort(byPath)) {
    const name = entry.file.path.slice(entry.file.path.lastIndexOf("/") + 1);
    lines.push({ type: "file", key: entry.key, name, depth, entry });
  }
}

function byPath(a: Entry, b: Entry): number {
  return a.file.path.localeCompare(b.file.path);
}

function joined(folder: Folder): [string, Folder] {
  let name = folder.name;
  let last = folder;
  while (last.entries.length === 0 && last.folders.size === 1) {
    const [only] = last.folders.values();
    if (!only) break;
    name = `${name}/${only.name}`;
    last = only;
  }
  return [name, last];
}

/** The files in the order of the tree, so that lists beside it go the same way. */
export function inTreeOrder(entries: readonly Entry[]): Entry[] {
  const byRepo = (entry: Entry) => String(entry.repoIndex).padStart(3, "0");
  return treeOf(entries, new Set(), byRepo).flatMap((line) =>
    line.type === "file" ? [line.entry] : [],
  );
}

/** Whether a file fits what was typed: each word must occur in its path. */
export function fits(entry: Entry, words: readonly string[]): boolean {
  const path = `${entry.file.path} ${entry.file.oldPath ?? ""}`.toLowerCase();
  return words.every((word) => path.includes(word));
}
