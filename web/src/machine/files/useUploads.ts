import { useCallback, useRef, useState } from "react";
import { explain } from "../../api/errors";
import { isConflict, joined, type Over, writeFile } from "./client";

/** One file on its way in. */
export interface UploadState {
  id: number;
  name: string;
  path: string;
  /** 0–1. */
  part: number;
  status: "waiting" | "sending" | "done" | "exists" | "failed";
  problem?: string;
}

export interface UploadList {
  items: readonly UploadState[];
  add(directory: string, files: readonly File[]): void;
  /** Replaces the file that is there already. */
  replace(id: number): void;
  dismiss(id: number): void;
}

/** Uploads, one after the other. */
export function useUploads(agent: string, onWritten: (path: string) => void): UploadList {
  const [items, setItems] = useState<readonly UploadState[]>([]);
  const queue = useRef<Promise<void>>(Promise.resolve());
  const files = useRef(new Map<number, File>());
  const nextId = useRef(1);
  const written = useRef(onWritten);
  written.current = onWritten;

  const change = useCallback((id: number, part: Partial<UploadState>) => {
    setItems((all) => all.map((item) => (item.id === id ? { ...item, ...part } : item)));
  }, []);

  const send = useCallback(
    (id: number, path: string, over: Over) => {
      const file = files.current.get(id);
      if (!file) return;
      queue.current = queue.current.then(async () => {
        change(id, { status: "sending", part: 0 });
        try {
          await writeFile(agent, path, file, over, (part) => change(id, { part }));
          change(id, { status: "done", part: 1 });
          files.current.delete(id);
          written.current(path);
        } catch (error) {
          if (isConflict(error)) change(id, { status: "exists" });
          else change(id, { status: "failed", problem: explain(error).message });
        }
      });
    },
    [agent, change],
  );

  const add = (directory: string, chosen: readonly File[]) => {
    for (const file of chosen) {
      const id = nextId.current;
      nextId.current += 1;
      const path = joined(directory, file.name);
      files.current.set(id, file);
      setItems((all) => [...all, { id, name: file.name, path, part: 0, status: "waiting" }]);
      send(id, path, { kind: "nothing" });
    }
  };
  const replace = (id: number) => {
    const item = items.find((each) => each.id === id);
    if (item) send(id, item.path, { kind: "anything" });
  };
  const dismiss = (id: number) => {
    files.current.delete(id);
    setItems((all) => all.filter((item) => item.id !== id));
  };
  return { items, add, replace, dismiss };
}
