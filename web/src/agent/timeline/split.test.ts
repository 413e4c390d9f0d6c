import { expect, it } from "vitest";
import { splitMarkdown } from "./split";

it("cuts between paragraphs", () => {
  expect(splitMarkdown("one\ntwo\n\nthree\n\n\n# four")).toEqual([
    "one\ntwo\n",
    "three\n\n",
    "# four",
  ]);
});

it("keeps lists and quotes in one piece", () => {
  const list = "1. one\n\n2. two\n\n   more\n\n- other";
  expect(splitMarkdown(list)).toEqual([list]);
});

it("never cuts a fence, closed or not", () => {
  expect(splitMarkdown("```js\na\n\nb\n```\n\nafter")).toEqual(["```js\na\n\nb\n```\n", "after"]);
  const open = "````\na\n\n```\n\nb";
  expect(splitMarkdown(open)).toEqual([open]);
});

it("cuts nothing where pieces need each other", () => {
  const text = "see [a][1]\n\nmore\n\n[1]: https://example.com";
  expect(splitMarkdown(text)).toEqual([text]);
});

it("keeps what was cut before while the text grows", () => {
  const text = "alpha\n\nbeta\n\n```\ncode\n\nmore\n```\n\nomega";
  for (let end = 1; end < text.length; end += 1) {
    const [before, after] = [splitMarkdown(text.slice(0, end)), splitMarkdown(text)];
    const settled = before.slice(0, -1);
    expect(after.slice(0, settled.length).map((piece) => piece.trim())).toEqual(
      settled.map((piece) => piece.trim()),
    );
  }
});
