import { memo, useMemo } from "react";
import { cx } from "../ui/cx";
import { exactCount } from "../ui/format";
import styles from "./Code.module.css";
import type { PatchLine } from "./patch";
import type { Block } from "./rows";
import { LINE_CHARS_SHOWN, segmentsOf } from "./segments";
import { useTokens } from "./syntax";
import { type Mark, marksOf } from "./words";

const marks = new WeakMap<Block, ReadonlyMap<PatchLine, Mark[]>>();

function marksFor(block: Block): ReadonlyMap<PatchLine, Mark[]> {
  const known = marks.get(block);
  if (known) return known;
  const made = marksOf(block.lines);
  marks.set(block, made);
  return made;
}

/** The text of one line: coloured, changed words marked, nothing invisible. */
export const Code = memo(function Code({ block, line }: { block: Block; line: PatchLine }) {
  const tokens = useTokens(block).get(line);
  const segments = useMemo(
    () => segmentsOf(line.text, tokens, marksFor(block).get(line)),
    [block, line, tokens],
  );
  const more = line.text.length - LINE_CHARS_SHOWN;
  return (
    <span className={styles.code}>
      {segments.map((segment, index) => (
        <span
          // biome-ignore lint/suspicious/noArrayIndexKey: a line's stretches have no other name
          key={index}
          className={cx(
            segment.kind && (styles[KINDS[segment.kind] ?? ""] ?? undefined),
            segment.isMarked && styles.mark,
          )}
        >
          {segment.text}
        </span>
      ))}
      {more > 0 && <span className={styles.more}> … {exactCount(more)} more characters</span>}
    </span>
  );
});

/** The highlighter's classes by our own colours. */
const KINDS: Record<string, string> = {
  keyword: "keyword",
  literal: "keyword",
  "selector-tag": "keyword",
  tag: "type",
  name: "type",
  string: "string",
  regexp: "string",
  char: "string",
  subst: "plain",
  number: "number",
  symbol: "number",
  comment: "comment",
  doctag: "comment",
  quote: "comment",
  title: "title",
  section: "title",
  function: "title",
  type: "type",
  built_in: "type",
  class: "type",
  attr: "attr",
  attribute: "attr",
  property: "attr",
  variable: "attr",
  "selector-class": "attr",
  "selector-id": "attr",
  meta: "attr",
  params: "plain",
};
