/** Colours of code: words of a line with the class of each, made a block at a time when idle. */

import type { Element, ElementContent } from "hast";
import type { createLowlight } from "lowlight";
import { useSyncExternalStore } from "react";
import { languageOf, loadLanguage } from "./languages";
import type { PatchLine } from "./patch";
import type { Block } from "./rows";

/** A stretch of a line in one colour. */
export interface Token {
  to: number;
  /** Class of the highlighter without its prefix; none for plain text. */
  kind: string | undefined;
}

/** Characters beyond which a block stays plain. */
const BLOCK_CHARS_MAX = 120_000;
const BLOCK_LINES_MAX = 3_000;
const LINE_CHARS_MAX = 2_000;

export type LineTokens = ReadonlyMap<PatchLine, readonly Token[]>;

const PLAIN: LineTokens = new Map();
const done = new WeakMap<Block, LineTokens>();
const wanted = new Set<Block>();
const listeners = new Set<() => void>();
let working = false;

/** The colours of a block: none at first, there as soon as the browser had a quiet moment. */
export function useTokens(block: Block): LineTokens {
  return useSyncExternalStore(subscribe, () => {
    const known = done.get(block);
    if (!known) want(block);
    return known ?? PLAIN;
  });
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function want(block: Block) {
  const chars = block.lines.reduce((sum, line) => sum + line.text.length, 0);
  const tooLong = block.lines.some((line) => line.text.length > LINE_CHARS_MAX);
  const language = languageOf(block.entry.file.path);
  if (!language || tooLong || chars > BLOCK_CHARS_MAX || block.lines.length > BLOCK_LINES_MAX) {
    done.set(block, PLAIN);
    return;
  }
  wanted.add(block);
  if (!working) {
    working = true;
    whenIdle(work);
  }
}

async function work() {
  // The block asked for last is the one on the screen.
  const block = [...wanted].at(-1);
  if (!block) {
    working = false;
    return;
  }
  wanted.delete(block);
  try {
    const language = languageOf(block.entry.file.path) ?? "";
    const highlighter = await highlighterFor(language);
    done.set(block, highlighter ? colour(block, highlighter, language) : PLAIN);
  } catch {
    // A grammar that could not be fetched leaves the code plain.
    done.set(block, PLAIN);
  }
  for (const listener of listeners) listener();
  whenIdle(work);
}

function whenIdle(task: () => void) {
  if ("requestIdleCallback" in window) window.requestIdleCallback(task, { timeout: 250 });
  else setTimeout(task, 16);
}

type Highlighter = ReturnType<typeof createLowlight>;
let highlighter: Promise<Highlighter> | undefined;

async function highlighterFor(language: string): Promise<Highlighter | undefined> {
  highlighter ??= import("lowlight").then(({ createLowlight }) => createLowlight());
  const ready = await highlighter;
  if (ready.registered(language)) return ready;
  const grammar = await loadLanguage(language);
  if (!grammar) return undefined;
  ready.register(language, grammar);
  return ready;
}

function colour(block: Block, ready: Highlighter, language: string): LineTokens {
  const tokens = new Map<PatchLine, readonly Token[]>();
  const sides = [
    block.lines.filter((line) => line.kind !== "removed"),
    block.lines.filter((line) => line.kind === "removed" || line.kind === "context"),
  ];
  for (const [side, lines] of sides.entries()) {
    if (side === 1 && !lines.some((line) => line.kind === "removed")) continue;
    const coloured = highlightText(ready, language, lines.map((line) => line.text).join("\n"));
    for (const [index, line] of lines.entries()) {
      // Context has the colours of the new side.
      if (!tokens.has(line)) tokens.set(line, coloured[index] ?? []);
    }
  }
  return tokens;
}

/** Tokens of each line of a text. */
export function highlightText(ready: Highlighter, language: string, text: string): Token[][] {
  const lines: Token[][] = [[]];
  let position = 0;
  const visit = (nodes: readonly ElementContent[], kind: string | undefined) => {
    for (const node of nodes) {
      if (node.type === "element") visit(node.children, kindOf(node) ?? kind);
      else if (node.type === "text") {
        for (const [index, part] of node.value.split("\n").entries()) {
          if (index > 0) {
            lines.push([]);
            position = 0;
          }
          if (part === "") continue;
          position += part.length;
          lines.at(-1)?.push({ to: position, kind });
        }
      }
    }
  };
  visit(ready.highlight(language, text).children as ElementContent[], undefined);
  return lines;
}

function kindOf(element: Element): string | undefined {
  const names = element.properties.className;
  const first = Array.isArray(names) ? names[0] : undefined;
  return typeof first === "string" ? first.replace(/^hljs-/, "") : undefined;
}
