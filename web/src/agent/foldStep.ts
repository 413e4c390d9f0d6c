/** The part of the fold that follows steps: text as it is written, tool calls, retries. */
import type { Fold } from "./fold";
import type { CallRow, OutputPiece, RetryRow, SetupRow } from "./rows";
import type { AgentEvent, Delta, LogEntry } from "./wire";
import { SET_UP_PHASES } from "./words";

/** Characters of a running command's output that are kept. */
const OUTPUT_CHARS = 64 * 1024;
/** The same of what an environment file asks for. */
const SET_UP_CHARS = 8 * 1024;
/** Tools whose calls are shown as questions. */
const QUESTIONS = new Set(["ask_person", "submit_plan"]);

type Place = { seq: number; at: number };
type Finished = Extract<AgentEvent, { type: "MessageFinished" }>;

/** Folds an event of a step; false if it is of another kind. */
export function applyStep(fold: Fold, entry: LogEntry): boolean {
  const place = { seq: entry.seq, at: Date.parse(entry.at) };
  const { event } = entry;
  switch (event.type) {
    case "StepStarted":
      fold.live.start(fold, event.run, event.step, event.attempt, place);
      return true;
    case "MessageFinished":
      finish(fold, event, place);
      return true;
    case "ToolCalled": {
      if (QUESTIONS.has(event.name)) fold.hide(event.call);
      if (fold.hidden.has(event.call)) return true;
      const row = callRow(fold, event, place);
      const { name, arguments: text } = event;
      fold.put({ ...row, name, arguments: text, state: "running", startedAt: place.at });
      fold.openCalls.add(event.call);
      return true;
    }
    case "ToolReturned": {
      fold.openCalls.delete(event.call);
      if (fold.hidden.has(event.call) && !event.result.isError) return true;
      const { output: _, outputCut: __, ...row } = callRow(fold, event, place);
      const { result, durationMs } = event;
      fold.put({ ...row, state: "done", result, durationMs });
      return true;
    }
    case "StepFinished":
      fold.live.clear();
      return true;
    case "Noticed":
      // People see what failed in the note before.
      if (event.code === "set_up_failed") return true;
      fold.note(entry, event.run, { type: "notice", code: event.code, text: event.text });
      return true;
    case "Compacted": {
      const { summary, upto, usage } = event;
      fold.note(entry, event.run, { type: "compacted", summary, upto, usage });
      return true;
    }
    case "TodosChanged":
      return true;
    case "CancelRequested":
      fold.note(entry, event.run, { type: "cancel", principal: event.principal });
      return true;
    case "TurnEnded":
      settle(fold, event.run);
      return true;
    case "RunEnded": {
      settle(fold, event.run);
      if (fold.queued.has(event.run)) fold.begin(event.run, place);
      const { run, status, durationMs } = event;
      const failure = event.failure ?? undefined;
      fold.put({ kind: "end", key: `end:${run}`, ...place, run, status, failure, durationMs });
      return true;
    }
    default:
      return false;
  }
}

/** What was under way when the turn ended is not any more. */
function settle(fold: Fold, run: string): void {
  if (fold.live.run === run) fold.live.stop(fold);
  const machine = fold.row(`setup:${fold.head.epoch}`, "setup");
  if (machine?.progress) fold.patch(machine, { progress: undefined, output: undefined });
  for (const call of fold.openCalls) {
    const row = fold.row(`call:${call}`, "call");
    if (row && row.run !== run) continue;
    if (row) fold.patch(row, { state: "stopped" });
    fold.openCalls.delete(call);
  }
  for (const key of fold.openQuestions) {
    const row = fold.row(key, "question");
    if (row && row.run !== run) continue;
    if (row) fold.patch(row, { closed: true });
    fold.openQuestions.delete(key);
  }
}

function callRow(
  fold: Fold,
  { run, step, call }: { run: string; step: number; call: string },
  place: Place,
): CallRow {
  const key = `call:${call}`;
  return (
    fold.row(key, "call") ?? { kind: "call", key, ...place, run, step, call, state: "waiting" }
  );
}

/** The message is complete: its parts take the place of what was streamed. */
function finish(fold: Fold, event: Finished, place: Place): void {
  const { run, step } = event;
  const [first] = fold.live.keys;
  const from = first === undefined ? -1 : fold.keys.lastIndexOf(first);
  const streamed = new Set(fold.live.keys);
  const keys: string[] = [];
  let texts = 0;
  for (const part of event.parts) {
    if (part.type === "toolCall") {
      if (QUESTIONS.has(part.name)) fold.hidden.add(part.call);
      if (fold.hidden.has(part.call)) continue;
      const row = callRow(fold, { run, step, call: part.call }, place);
      fold.put({ ...row, name: part.name, arguments: part.arguments });
      fold.openCalls.add(part.call);
      keys.push(row.key);
    } else if (part.type !== "opaque") {
      const key = `b:${step}:${texts}`;
      texts += 1;
      if (part.text.trim() === "") continue;
      const row = fold.text(key);
      const at = row ? { seq: row.seq, at: row.at } : place;
      fold.put({ kind: part.type, key, ...at, run, step, text: part.text });
      keys.push(key);
    }
  }
  charge(fold, keys, event.outlay);
  const final = new Set(keys);
  fold.remove([...streamed].filter((key) => !final.has(key)));
  if (from >= 0) {
    const rest = fold.keys.slice(from).filter((key) => !final.has(key));
    fold.keys.splice(from, fold.keys.length - from, ...keys, ...rest);
    fold.structure += 1;
  }
  fold.live.clear();
}

/** What a message cost stands at its first call, or else at its last text. */
function charge(fold: Fold, keys: readonly string[], outlay: Finished["outlay"]): void {
  if (outlay === undefined) return;
  const rows = keys.map((key) => fold.rows.get(key));
  const row = rows.find((one) => one?.kind === "call") ?? rows.at(-1);
  if (row?.kind === "call" || row?.kind === "text") fold.put({ ...row, outlay });
}

/** The step that is being written. */
export class Live {
  keys: string[] = [];
  run = "";
  private step = 0;
  private attempt = 0;
  private end = 0;
  private blocks = 0;
  private current = "";
  private place: Place = { seq: 0, at: 0 };

  start(fold: Fold, run: string, step: number, attempt: number, place: Place): void {
    fold.remove(this.keys);
    this.clear();
    Object.assign(this, { run, step, attempt, place, end: 0, blocks: 0 });
    if (attempt > 1) {
      const key = `retry:${step}`;
      const known = fold.row(key, "retry") ?? { kind: "retry", key, ...place, run, step };
      fold.put({ ...known, attempts: attempt, until: undefined } as RetryRow);
    }
  }

  clear(): void {
    this.keys = [];
    this.current = "";
  }

  /** Keeps what was written so far as it is. */
  stop(fold: Fold): void {
    for (const key of this.keys) {
      const row = fold.text(key);
      if (row) fold.patch(row, { live: false });
      else fold.remove([key]);
    }
    this.clear();
  }

  delta(fold: Fold, delta: Delta, now: number): void {
    switch (delta.type) {
      case "text":
        if (this.isCurrent(delta)) this.write(fold, delta, now);
        return;
      case "toolDrafted":
        if (this.isCurrent(delta)) this.draft(fold, delta, now);
        return;
      case "output":
        print(fold, delta.call, { stream: delta.stream, text: delta.text });
        return;
      case "retrying": {
        const key = `retry:${delta.step}`;
        const known = fold.row(key, "retry");
        const place = { seq: fold.last, at: now, run: delta.run, step: delta.step };
        const { attempt: attempts, reason } = delta;
        const until = now + delta.delayMs;
        fold.put({ kind: "retry", ...place, ...known, key, attempts, reason, until });
        return;
      }
      case "progress": {
        const row = fold.row(`setup:${delta.epoch}`, "setup") ?? lastSetup(fold, delta.epoch);
        if (row) fold.patch(row, progressOf(row, delta));
      }
    }
  }

  /** Deltas may come before their step's event was seen, or after the next began. */
  private isCurrent({ step, attempt }: { step: number; attempt: number }): boolean {
    return step === this.step && attempt === this.attempt;
  }

  private write(fold: Fold, delta: Extract<Delta, { type: "text" }>, now: number): void {
    if (delta.end <= this.end) return;
    const gap = delta.end - utf8Length(delta.text) > this.end;
    this.end = delta.end;
    const current = fold.text(this.current);
    const row = current?.kind === delta.kind ? current : undefined;
    if (row && !gap) {
      fold.patch(row, { text: row.text + delta.text });
      return;
    }
    if (row) {
      fold.patch(row, { text: `${row.text} … ${delta.text}`, gap: true });
      return;
    }
    const key = `b:${delta.step}:${this.blocks}`;
    this.blocks += 1;
    this.current = key;
    this.keys.push(key);
    const { kind, run, step, text } = delta;
    const seq = Math.max(this.place.seq, 1);
    fold.put({ kind, key, seq, at: now, run, step, text, live: true, gap });
  }

  private draft(fold: Fold, delta: Extract<Delta, { type: "toolDrafted" }>, now: number): void {
    const { run, step, name } = delta;
    const key = `draft:${step}:${this.keys.length}`;
    this.current = "";
    this.keys.push(key);
    const seq = Math.max(this.place.seq, 1);
    fold.put({ kind: "call", key, seq, at: now, run, step, call: key, name, state: "drafted" });
  }
}

/** How far it is; what the project's own scripts print is kept, a machine that is ready tells no more. */
function progressOf(row: SetupRow, delta: Extract<Delta, { type: "progress" }>): Partial<SetupRow> {
  const { phase, text, percent } = delta;
  const progress = { phase, text, percent };
  if (!SET_UP_PHASES.has(phase)) return row.readyAt === undefined ? { progress } : {};
  const output = row.output === undefined ? text : `${row.output}\n${text}`;
  return { progress, output: output.slice(-SET_UP_CHARS) };
}

/** The epoch of a delta may be 0 while the machine does not exist yet. */
function lastSetup(fold: Fold, epoch: number) {
  if (epoch !== 0) return undefined;
  for (let at = fold.keys.length - 1; at >= 0 && at > fold.keys.length - 8; at -= 1) {
    const row = fold.row(fold.keys[at] ?? "", "setup");
    if (row) return row;
  }
  return undefined;
}

function print(fold: Fold, call: string, piece: OutputPiece): void {
  const row = fold.row(`call:${call}`, "call");
  if (row?.state !== "running") return;
  const output = [...(row.output ?? [])];
  const newest = output.at(-1);
  if (newest?.stream === piece.stream) {
    output[output.length - 1] = { stream: piece.stream, text: newest.text + piece.text };
  } else {
    output.push(piece);
  }
  let size = output.reduce((sum, { text }) => sum + text.length, 0);
  let outputCut = row.outputCut ?? false;
  while (size > OUTPUT_CHARS) {
    outputCut = true;
    const oldest = output[0];
    if (!oldest) break;
    const over = size - OUTPUT_CHARS / 2;
    if (oldest.text.length <= over) output.shift();
    else output[0] = { ...oldest, text: oldest.text.slice(over) };
    size = output.reduce((sum, { text }) => sum + text.length, 0);
  }
  fold.patch(row, { output, outputCut });
}

/** Bytes of a text in UTF-8, which is how the server counts. */
function utf8Length(text: string): number {
  let bytes = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code < 0x80) bytes += 1;
    else if (code < 0x800) bytes += 2;
    else if (code >= 0xd800 && code < 0xdc00) {
      bytes += 4;
      at += 1;
    } else bytes += 3;
  }
  return bytes;
}
