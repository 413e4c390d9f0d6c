/** Requests about files inside the machine. */

import { call, send } from "../../api/client";
import { ApiError, apiError } from "../../api/errors";
import { machinePath } from "../queries";

/** Something in a directory: `GET /v1/agents/{id}/files`. */
export interface FileEntry {
  path: string;
  name: string;
  kind: "file" | "directory" | "link" | "other";
  size: number;
}

/** What is at a path. */
export interface FileStat extends FileEntry {
  mode: number;
  modifiedAt: string;
  target?: string | null;
  etag: string;
}

export interface FileWritten {
  path: string;
  size: number;
  created: boolean;
  etag: string;
}

export interface FileContent {
  bytes: Uint8Array<ArrayBuffer>;
  etag: string;
}

export function contentPath(agent: string, path: string): string {
  return machinePath(agent, `files/content?${new URLSearchParams({ path })}`);
}

export function listDirectory(agent: string, path: string) {
  const query = new URLSearchParams({ path });
  return call<{ items: FileEntry[]; more: boolean }>("GET", machinePath(agent, `files?${query}`));
}

export function statFile(agent: string, path: string) {
  return call<FileStat>("GET", machinePath(agent, `files/stat?${new URLSearchParams({ path })}`));
}

export async function readFile(agent: string, path: string): Promise<FileContent> {
  const response = await send("GET", contentPath(agent, path));
  return {
    bytes: new Uint8Array(await response.arrayBuffer()),
    etag: response.headers.get("etag") ?? "",
  };
}

export function removeFile(agent: string, { path, kind }: FileEntry) {
  const query = new URLSearchParams({ path, recursive: String(kind === "directory") });
  return call("DELETE", machinePath(agent, `files?${query}`));
}

export function makeDirectory(agent: string, path: string) {
  return call("POST", machinePath(agent, "files/directories"), { body: { path } });
}

/** Over what a file may be written: nothing, one version, or whatever is there. */
export type Over = { kind: "nothing" } | { kind: "version"; etag: string } | { kind: "anything" };

/** Writes a file; `onProgress` hears the part that was sent, which `fetch` cannot tell. */
export function writeFile(
  agent: string,
  path: string,
  body: Blob,
  over: Over,
  onProgress?: (part: number) => void,
): Promise<FileWritten> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", contentPath(agent, path));
    request.setRequestHeader("x-errand-client", "web");
    request.setRequestHeader("content-type", "application/octet-stream");
    if (over.kind === "version") request.setRequestHeader("if-match", over.etag);
    if (over.kind === "nothing") request.setRequestHeader("if-none-match", "*");
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) onProgress?.(event.loaded / event.total);
    };
    request.onload = () => {
      const answer = parsed(request.responseText);
      if (request.status >= 200 && request.status < 300) resolve(answer as FileWritten);
      else reject(apiError(request.status, answer));
    };
    request.onerror = () => reject(new TypeError("the server cannot be reached"));
    request.send(body);
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether a write was refused because another version is there. */
export function isConflict(error: unknown): boolean {
  return error instanceof ApiError && error.status === 412;
}

export function joined(directory: string, name: string): string {
  return directory === "/" ? `/${name}` : `${directory}/${name}`;
}

export function parentOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf("/")));
}
