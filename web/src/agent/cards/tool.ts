/** What a tool call did, in one line, and which body fits it. Arguments may be anything. */
import type { CallRow } from "../rows";
import type { Todo } from "../wire";

export type Body =
  | { type: "output"; text: string }
  | { type: "diff"; text: string }
  | { type: "content"; text: string; note?: string }
  | { type: "todos"; todos: Todo[] }
  | { type: "raw"; argumentsText: string; text: string };

export interface Told {
  tool: "command" | "read" | "write" | "edit" | "list" | "search" | "todos" | "unknown";
  /** What is done, as a verb: "Read". */
  verb: string;
  /** To what: a path, a command, a pattern. */
  target: string;
  /** A word about the outcome. */
  outcome?: string | undefined;
  body?: Body | undefined;
}

export interface Ended {
  exitCode: number | undefined;
  signal: number | undefined;
  isTimedOut: boolean;
}

type Fields = Record<string, unknown>;

/** Arguments as an object, or nothing when they are no JSON. */
export function fieldsOf(text: string | undefined): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text ?? "");
    return typeof value === "object" && value !== null ? (value as Fields) : undefined;
  } catch {
    return undefined;
  }
}

/** How a command ended, if it says so. */
export function endedOf(row: CallRow): Ended | undefined {
  const detail = row.result?.detail;
  if (!detail || !("exitCode" in detail)) return undefined;
  const number = (name: string) => (typeof detail[name] === "number" ? detail[name] : undefined);
  const isTimedOut = detail.timedOut === true;
  return { exitCode: number("exitCode"), signal: number("signal"), isTimedOut };
}

/** Tells a call. */
export function tell(row: CallRow): Told {
  const fields = fieldsOf(row.arguments) ?? {};
  const text = (name: string) => (typeof fields[name] === "string" ? fields[name] : "");
  const result = row.result?.text ?? "";
  const isFine = row.state === "done" && !row.result?.isError;
  const path = shortPath(text("path") || ".");
  switch (row.name) {
    case "shell": {
      const output = endedOf(row) ? afterFirstLine(result) : result;
      const verb = fields.background === true ? "Start" : "Run";
      const body = row.result ? ({ type: "output", text: output } as const) : undefined;
      return { tool: "command", verb, target: text("command"), body };
    }
    case "shell_output": {
      const verb =
        fields.kill === true ? "End a background command" : "Look at a background command";
      const output = afterFirstLine(result);
      const outcome = result.split("\n", 1)[0];
      return { tool: "command", verb, target: "", outcome, body: { type: "output", text: output } };
    }
    case "read_file": {
      const lines = isFine ? countLines(result) : 0;
      const outcome = lines > 0 ? plural(lines, "line") : undefined;
      return { tool: "read", verb: "Read", target: path, outcome, body: content(row) };
    }
    case "write_file":
      return { tool: "write", verb: "Write", target: path, body: written(row, text("content")) };
    case "edit_file":
      return { tool: "edit", verb: "Edit", target: path, ...edited(row, text("old"), text("new")) };
    case "list_dir": {
      const outcome = isFine ? plural(countLines(result), "entry", "entries") : undefined;
      return { tool: "list", verb: "List", target: path, outcome, body: content(row) };
    }
    case "glob": {
      const found = result.startsWith("No file matches") ? 0 : countLines(result);
      const outcome = isFine ? plural(found, "file") : undefined;
      return {
        tool: "search",
        verb: "Find files",
        target: text("pattern"),
        outcome,
        body: content(row),
      };
    }
    case "grep": {
      const found = result.startsWith("Nothing matches") ? 0 : countMatches(result);
      const outcome = isFine ? plural(found, "match", "matches") : undefined;
      const target = text("path") ? `${text("pattern")} in ${path}` : text("pattern");
      return { tool: "search", verb: "Search", target, outcome, body: content(row) };
    }
    case "todo_write": {
      const todos = Array.isArray(fields.todos) ? fields.todos.filter(isTodo) : [];
      const done = todos.filter((todo) => todo.state === "done").length;
      const outcome = `${done} of ${todos.length} done`;
      const body = { type: "todos", todos } as const;
      return { tool: "todos", verb: "Update the to-do list", target: "", outcome, body };
    }
    default: {
      const argumentsText = pretty(row.arguments ?? "");
      const body = { type: "raw", argumentsText, text: result } as const;
      return { tool: "unknown", verb: row.name ?? "A tool", target: "", body };
    }
  }
}

function content(row: CallRow): Body | undefined {
  return row.result ? { type: "content", text: row.result.text } : undefined;
}

function written(row: CallRow, content: string): Body {
  if (row.result?.isError) return { type: "content", text: row.result.text };
  return {
    type: "diff",
    text: content
      .replace(/\n$/, "")
      .split("\n")
      .map((line) => `+${line}`)
      .join("\n"),
  };
}

function edited(row: CallRow, old: string, now: string): Pick<Told, "body" | "outcome"> {
  if (row.result?.isError) return { body: { type: "content", text: row.result.text } };
  const diff = row.result?.detail?.diff;
  const lines = (text: string, mark: string) => text.split("\n").map((line) => mark + line);
  const text =
    typeof diff === "string" ? diff : [...lines(old, "-"), ...lines(now, "+")].join("\n");
  return { body: { type: "diff", text }, outcome: changed(text) };
}

/** `+3 −1` of a diff. */
export function changed(diff: string): string {
  let added = 0;
  let removed = 0;
  for (const line of diff.split("\n")) {
    if (line.startsWith("+")) added += 1;
    else if (line.startsWith("-")) removed += 1;
  }
  return `+${added} −${removed}`;
}

function isTodo(value: unknown): value is Todo {
  return typeof value === "object" && value !== null && "text" in value && "state" in value;
}

/** Paths of the workspace without the part that all share. */
function shortPath(path: string): string {
  return path === "." ? "./" : path.replace(/^\/workspace\/[^/]+\//, "");
}

function afterFirstLine(text: string): string {
  const end = text.indexOf("\n");
  return end < 0 ? "" : text.slice(end + 1);
}

function countLines(text: string): number {
  const trimmed = text.replace(/\n$/, "");
  return trimmed === "" ? 0 : trimmed.split("\n").length;
}

function countMatches(text: string): number {
  return text.split("\n").filter((line) => /^[^:]*:\d+:/.test(line)).length;
}

function pretty(text: string): string {
  const fields = fieldsOf(text);
  return fields ? JSON.stringify(fields, null, 2) : text;
}

function plural(value: number, one: string, many = `${one}s`): string {
  return `${value} ${value === 1 ? one : many}`;
}
