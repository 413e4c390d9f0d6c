import { useQueries } from "@tanstack/react-query";
import { useCallback, useMemo, useState } from "react";
import { queryClient } from "../../api/queries";
import { noticeSleep } from "../queries";
import { type FileEntry, listDirectory } from "./client";

/** One line of the tree. */
export type TreeLine =
  | { type: "entry"; entry: FileEntry; depth: number; isOpen: boolean; isLoading: boolean }
  | { type: "note"; key: string; text: string; depth: number };

const FRESH_MS = 10_000;

/** The directories that are open, read when they are opened. */
export function useDirectories(agent: string, root: string) {
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set([root]));
  const paths = useMemo(() => [...open], [open]);
  const answers = useQueries({
    queries: paths.map((path) => ({
      queryKey: ["machine", agent, "directory", path],
      refetchInterval: FRESH_MS,
      queryFn: async () => {
        try {
          return await listDirectory(agent, path);
        } catch (error) {
          noticeSleep(agent, error);
          throw error;
        }
      },
    })),
  });
  const toggle = useCallback((path: string) => {
    setOpen((before) => {
      const next = new Set(before);
      if (!next.delete(path)) next.add(path);
      return next;
    });
  }, []);
  const reveal = useCallback((path: string) => {
    setOpen((before) => (before.has(path) ? before : new Set(before).add(path)));
  }, []);
  const refresh = useCallback(
    (path: string) =>
      queryClient.invalidateQueries({ queryKey: ["machine", agent, "directory", path] }),
    [agent],
  );
  const byPath = new Map(paths.map((path, index) => [path, answers[index]]));
  const lines: TreeLine[] = [];
  const write = (directory: string, depth: number) => {
    const answer = byPath.get(directory);
    if (answer?.isError) {
      lines.push({ type: "note", key: `${directory}!`, depth, text: "Cannot be read" });
    }
    const items = answer?.data?.items ?? [];
    for (const entry of inOrder(items)) {
      const isOpen = entry.kind === "directory" && open.has(entry.path);
      const isLoading = isOpen && (byPath.get(entry.path)?.isPending ?? false);
      lines.push({ type: "entry", entry, depth, isOpen, isLoading });
      if (isOpen) write(entry.path, depth + 1);
    }
    if (answer?.data?.more) {
      const text = `Only the first ${items.length} are listed`;
      lines.push({ type: "note", key: `${directory}…`, depth, text });
    } else if (answer?.data && items.length === 0) {
      lines.push({ type: "note", key: `${directory}.`, depth, text: "Empty" });
    }
  };
  write(root, 0);
  return { lines, rootAnswer: byPath.get(root), toggle, reveal, refresh };
}

/** Directories first, each kind by name. */
function inOrder(items: readonly FileEntry[]): FileEntry[] {
  const rank = (entry: FileEntry) => (entry.kind === "directory" ? 0 : 1);
  return [...items].sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name));
}
