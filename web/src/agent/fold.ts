/**
 * Folds a window of an agent's log, and the deltas of its running step, to rows and a head.
 *
 * Pure but for its own state: no clock, no requests. Each event costs the same however long the log
 * is; a row that did not change keeps its identity. Pages may come newest first ([`Fold.prepend`]).
 */

import { applyKeeping } from "./foldKeeping";
import { applyMachine } from "./foldMachine";
import { applyPublish } from "./foldPublish";
import { applyStep, Live } from "./foldStep";
import { type Head, headAfter, NO_HEAD } from "./head";
import {
  mergeRows,
  type NoteRow,
  type PromptRow,
  type Row,
  type SetupRow,
  type SteerRow,
  type TextRow,
} from "./rows";
import type { AgentEvent, Delta, LogEntry, Prompt } from "./wire";

/** Rough cost of a row beside its texts, in characters. */
const ROW_WEIGHT = 300;

export class Fold {
  /** Keys of the rows from top to bottom. */
  keys: string[] = [];
  readonly rows = new Map<string, Row>();
  head: Head = NO_HEAD;
  /** First and last event folded; 0 while there is none. */
  first = 0;
  last = 0;
  /** Rows that changed since they were last looked at. */
  readonly dirty = new Set<string>();
  /** Counts changes of `keys`. */
  structure = 0;
  /** Characters held, about. */
  weight = 0;

  readonly queued = new Map<string, PromptRow>();
  readonly steers = new Map<string, SteerRow>();
  readonly openCalls = new Set<string>();
  readonly openQuestions = new Set<string>();
  /** Calls that are shown as something else (questions). */
  readonly hidden = new Set<string>();
  readonly denied = new Map<string, string>();
  /** Rows by the mark of what stopped a push. */
  readonly stopped = new Map<string, string>();
  readonly live = new Live();
  /** Snapshots that all new agents of the repositories begin with. */
  readonly keeps = new Set<string>();
  /** A run began within this window. */
  hasRunStart = false;
  /** What the environment file asks for in each machine, where it was read within this window. */
  setUp: readonly string[] | undefined;
  /** What is known of the machine that is wanted next. */
  ahead: Partial<SetupRow> = {};

  /** The row of a key and kind. */
  row<K extends Row["kind"]>(key: string, kind: K): Extract<Row, { kind: K }> | undefined {
    const row = this.rows.get(key);
    return row?.kind === kind ? (row as Extract<Row, { kind: K }>) : undefined;
  }

  /** The text or thinking of a key. */
  text(key: string): TextRow | undefined {
    const row = this.rows.get(key);
    return row?.kind === "text" || row?.kind === "thinking" ? row : undefined;
  }

  /** Puts a row at the end, or in the place of the one with its key. */
  put(changed: Row): void {
    const row = { ...changed, upto: this.last };
    const before = this.rows.get(row.key);
    this.rows.set(row.key, row);
    this.weight += weigh(row) - (before ? weigh(before) : 0);
    this.dirty.add(row.key);
    if (before) return;
    this.keys.push(row.key);
    this.structure += 1;
  }

  /** Keeps what is known of a row that has its place on an older page. */
  keepUnseen(row: Row): void {
    this.rows.set(row.key, row);
    this.weight += weigh(row);
  }

  /** Changes slots of a row that exists. */
  patch<R extends Row>(row: R, slots: Partial<R>): void {
    this.put({ ...row, ...slots });
  }

  /** Takes rows out. They stand near the end, so the search begins there. */
  remove(gone: string[]): void {
    for (const key of gone) {
      const row = this.rows.get(key);
      if (!row) continue;
      this.weight -= weigh(row);
      this.rows.delete(key);
      const at = this.keys.lastIndexOf(key);
      if (at >= 0) this.keys.splice(at, 1);
      this.structure += 1;
    }
  }

  note(entry: LogEntry, run: string | undefined, note: NoteRow["note"], key?: string): void {
    const place = { key: key ?? `note:${entry.seq}`, seq: entry.seq, at: Date.parse(entry.at) };
    this.put({ kind: "note", ...place, run, note });
  }

  /** Folds the next event of the log; one that was folded already is left out. */
  apply(entry: LogEntry): void {
    if (entry.seq <= this.last) return;
    this.last = entry.seq;
    if (this.first === 0) this.first = entry.seq;
    const known =
      this.talk(entry, entry.event) ||
      applyStep(this, entry) ||
      applyMachine(this, entry) ||
      applyKeeping(this, entry) ||
      applyPublish(this, entry);
    if (known) this.head = headAfter(this.head, entry, this);
  }

  applyAll(entries: readonly LogEntry[]): void {
    for (const entry of entries) this.apply(entry);
  }

  /** Folds something that is seen live only. */
  delta(delta: Delta, now: number): void {
    this.live.delta(this, delta, now);
  }

  private talk(entry: LogEntry, event: AgentEvent): boolean {
    const place = { seq: entry.seq, at: Date.parse(entry.at) };
    switch (event.type) {
      case "Asked": {
        const { run, prompt, options, principal } = event;
        const key = `prompt:${run}`;
        const said = entry.seq;
        const message = { key, ...place, said, run, prompt, options, principal };
        this.queued.set(run, { kind: "prompt", ...message });
        return true;
      }
      case "RunStarted":
        this.denied.clear();
        this.hasRunStart = true;
        this.begin(event.run, place);
        return true;
      case "Steered": {
        const { run, message, prompt, principal } = event;
        const key = `steer:${message}`;
        const said = entry.seq;
        this.steers.set(message, { kind: "steer", key, ...place, said, run, prompt, principal });
        return true;
      }
      case "SteerTaken": {
        const waiting = this.steers.get(event.message);
        this.steers.delete(event.message);
        const key = `steer:${event.message}`;
        this.put({ kind: "steer", key, run: event.run, ...waiting, ...place, taken: true });
        return true;
      }
      case "QuestionAsked": {
        const key = `question:${event.question}`;
        if (event.call) this.hide(event.call);
        this.openQuestions.add(key);
        this.put({ kind: "question", key, ...place, run: event.run, asked: event });
        return true;
      }
      case "QuestionAnswered": {
        const key = `question:${event.question}`;
        this.openQuestions.delete(key);
        const row = this.row(key, "question") ?? { kind: "question", key, ...place };
        const { answer: text, principal } = event;
        this.put({ ...row, answer: { text, principal, at: place.at } });
        return true;
      }
      case "Archived":
      case "Unarchived": {
        const type = event.type === "Archived" ? "archived" : "unarchived";
        this.note(entry, undefined, { type, principal: event.principal });
        return true;
      }
      case "Opened": {
        const { forkedFrom } = event.settings;
        if (forkedFrom) this.note(entry, undefined, { type: "forked", agent: forkedFrom.agent });
        return true;
      }
      case "Renamed":
      case "DeleteRequested":
      case "Deleted":
        return true;
      default:
        return false;
    }
  }

  /** A run's message stands where the run starts, not where it was sent. */
  begin(run: string, place: { seq: number; at: number }): void {
    const waiting = this.queued.get(run);
    this.queued.delete(run);
    const key = `prompt:${run}`;
    this.put({ kind: "prompt", key, run, ...waiting, ...place, started: true });
  }

  /** A call that is shown in another form. */
  hide(call: string): void {
    this.hidden.add(call);
    this.openCalls.delete(call);
    this.remove([`call:${call}`]);
  }

  /** Puts an older window before this one; nothing may lie between. */
  prepend(older: Fold): void {
    const joined: string[] = [];
    for (const key of older.keys) {
      const [before, after] = [older.rows.get(key), this.rows.get(key)];
      if (!before) continue;
      const row = after ? mergeRows(before, after) : before;
      this.weight += weigh(row) - (after ? weigh(after) : 0);
      this.rows.set(key, row);
      this.dirty.add(key);
      joined.push(key);
    }
    const isOlder = new Set(joined);
    for (const [key, before] of older.rows) {
      const after = this.rows.get(key);
      if (isOlder.has(key)) continue;
      this.rows.set(key, after ? mergeRows(before, after) : before);
      this.dirty.add(key);
    }
    const rest = this.keys.filter((key) => !isOlder.has(key));
    this.keys = [...joined, ...rest];
    for (const call of older.hidden) this.forget(call);
    this.takeQueue(older);
    this.hasRunStart ||= older.hasRunStart;
    if (older.first > 0) this.first = older.first;
    this.structure += 1;
    const { todos, isBuild, startsUp, epoch } = older.head;
    this.setUp ??= older.setUp;
    this.head = {
      ...this.head,
      todos: this.head.todos ?? todos,
      isBuild: this.head.isBuild ?? isBuild ?? false,
      startsUp: this.head.startsUp ?? startsUp ?? false,
      epoch: this.head.epoch ?? epoch,
    };
  }

  private forget(call: string): void {
    const row = this.row(`call:${call}`, "call");
    if (row && !row.result?.isError) this.hide(call);
  }

  private takeQueue(older: Fold): void {
    const wanting = (key: string): Row | undefined => this.rows.get(key);
    for (const [run, waiting] of older.queued) {
      const row = wanting(waiting.key);
      if (row) this.put(mergeRows({ ...waiting, seq: row.seq, at: row.at }, row));
      else this.queued.set(run, waiting);
    }
    for (const [message, waiting] of older.steers) {
      const row = wanting(waiting.key);
      if (row) this.put(mergeRows({ ...waiting, seq: row.seq, at: row.at }, row));
      else this.steers.set(message, waiting);
    }
    const bySeq = (one: PromptRow | SteerRow, other: PromptRow | SteerRow) => one.seq - other.seq;
    const [queue, steers] = [[...this.queued.values()], [...this.steers.values()]];
    this.head = { ...this.head, queue: queue.sort(bySeq), steers: steers.sort(bySeq) };
  }

  /** Takes the newest to-do list out of events of the past, if they have one. */
  learnTodos(entries: readonly LogEntry[]): boolean {
    const event = entries.findLast((entry) => entry.event.type === "TodosChanged")?.event;
    if (event?.type !== "TodosChanged") return false;
    const { run, todos } = event;
    if (this.head.todos?.run !== this.head.active?.run) {
      this.head = { ...this.head, todos: { run, todos } };
    }
    return true;
  }

  /** Lets go of rows at the top until at most so many, and so heavy, are left. */
  dropOldest(rowsMax: number, weightMax: number): boolean {
    let count = 0;
    let weight = this.weight;
    // What is dropped must come back whole, so everything up to its last change is read again.
    let upto = 0;
    while (this.keys.length - count > rowsMax || (weight > weightMax && count < this.keys.length)) {
      const row = this.rows.get(this.keys[count] ?? "");
      weight -= row ? weigh(row) : 0;
      upto = Math.max(upto, row?.upto ?? 0);
      count += 1;
    }
    if (count === 0) return false;
    for (const key of this.keys.slice(0, count)) this.rows.delete(key);
    this.keys = this.keys.slice(count);
    this.weight = weight;
    this.structure += 1;
    this.first = upto + 1;
    return true;
  }

  /** Lets go of rows at the bottom. What is dropped must be read again from `last`. */
  dropNewest(weightMax: number): void {
    while (this.weight > weightMax && this.keys.length > 1) {
      const row = this.rows.get(this.keys.at(-1) ?? "");
      this.keys.pop();
      if (!row) continue;
      this.rows.delete(row.key);
      this.weight -= weigh(row);
      this.last = Math.min(this.last, row.seq - 1);
    }
    this.structure += 1;
  }
}

function promptWeight(prompt: Prompt | undefined): number {
  return prompt?.text.length ?? 0;
}

function weigh(row: Row): number {
  switch (row.kind) {
    case "text":
    case "thinking":
      return ROW_WEIGHT + row.text.length;
    case "call": {
      const output = row.output?.reduce((sum, piece) => sum + piece.text.length, 0) ?? 0;
      const told = row.result?.text.length ?? 0;
      return ROW_WEIGHT + (row.arguments?.length ?? 0) + told + output;
    }
    case "prompt":
    case "steer":
      return ROW_WEIGHT + promptWeight(row.prompt);
    default:
      return ROW_WEIGHT;
  }
}
