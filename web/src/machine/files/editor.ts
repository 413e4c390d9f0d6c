/** The code editor, with the page's colours and no style sheet that the page does not allow. */

import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import {
  bracketMatching,
  HighlightStyle,
  indentOnInput,
  type LanguageSupport,
  syntaxHighlighting,
} from "@codemirror/language";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState, type Extension } from "@codemirror/state";
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  highlightSpecialChars,
  keymap,
  lineNumbers,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { pageNonce } from "../../ui/nonce";
import { extensionOf } from "../preview";

/** Texts beyond this are not coloured. */
const COLOURED_CHARS_MAX = 1_000_000;

const LANGUAGES: Record<string, () => Promise<LanguageSupport>> = {
  css: async () => (await import("@codemirror/lang-css")).css(),
  html: async () => (await import("@codemirror/lang-html")).html(),
  js: async () => (await import("@codemirror/lang-javascript")).javascript({ jsx: true }),
  ts: async () =>
    (await import("@codemirror/lang-javascript")).javascript({ jsx: true, typescript: true }),
  json: async () => (await import("@codemirror/lang-json")).json(),
  md: async () => (await import("@codemirror/lang-markdown")).markdown(),
  py: async () => (await import("@codemirror/lang-python")).python(),
  rs: async () => (await import("@codemirror/lang-rust")).rust(),
  yaml: async () => (await import("@codemirror/lang-yaml")).yaml(),
};

const SAME: Record<string, string> = {
  htm: "html",
  svg: "html",
  vue: "html",
  jsx: "js",
  mjs: "js",
  cjs: "js",
  tsx: "ts",
  mts: "ts",
  cts: "ts",
  markdown: "md",
  pyi: "py",
  scss: "css",
  yml: "yaml",
};

const colours = HighlightStyle.define([
  { tag: [tags.keyword, tags.bool, tags.null, tags.self], color: "var(--syntax-keyword)" },
  { tag: [tags.string, tags.regexp, tags.special(tags.string)], color: "var(--syntax-string)" },
  { tag: [tags.number, tags.atom], color: "var(--syntax-number)" },
  { tag: [tags.comment, tags.quote], color: "var(--syntax-comment)" },
  {
    tag: [tags.function(tags.variableName), tags.function(tags.propertyName), tags.heading],
    color: "var(--syntax-title)",
  },
  {
    tag: [tags.typeName, tags.className, tags.tagName, tags.namespace],
    color: "var(--syntax-type)",
  },
  { tag: [tags.attributeName, tags.propertyName, tags.meta], color: "var(--syntax-attr)" },
  { tag: tags.strong, fontWeight: "620" },
  { tag: tags.emphasis, fontStyle: "italic" },
  { tag: tags.link, textDecoration: "underline" },
]);

const look = EditorView.theme({
  "&": { height: "100%", backgroundColor: "var(--raised)", color: "var(--ink)" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": {
    fontFamily: "var(--font-mono)",
    fontSize: "var(--text-code)",
    lineHeight: "20px",
    fontVariantLigatures: "none",
  },
  ".cm-gutters": {
    backgroundColor: "var(--raised)",
    color: "var(--ink-3)",
    border: "0",
    paddingLeft: "8px",
  },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "var(--panel)" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground":
    { backgroundColor: "var(--accent-soft)" },
  ".cm-panels": { backgroundColor: "var(--panel)", color: "var(--ink)" },
  ".cm-panels.cm-panels-bottom": { borderTop: "1px solid var(--line)" },
  ".cm-textfield": {
    backgroundColor: "var(--raised)",
    border: "1px solid var(--line-control)",
    borderRadius: "4px",
  },
  ".cm-button": {
    backgroundImage: "none",
    backgroundColor: "var(--raised)",
    border: "1px solid var(--line-2)",
    borderRadius: "4px",
  },
  ".cm-searchMatch": { backgroundColor: "var(--amber-soft)", outline: "1px solid var(--amber)" },
  ".cm-matchingBracket": { backgroundColor: "var(--active)" },
});

interface EditorOptions {
  parent: HTMLElement;
  path: string;
  text: string;
  onChange(text: () => string): void;
  onSave(): void;
}

/** Makes an editor; `text()` keeps the line breaks that the file had. */
export function makeEditor({ parent, path, text, onChange, onSave }: EditorOptions) {
  const language = new Compartment();
  const lineBreak = text.includes("\r\n") ? "\r\n" : "\n";
  const extensions: Extension[] = [
    nonce(),
    lineNumbers(),
    highlightActiveLineGutter(),
    highlightSpecialChars(),
    history(),
    drawSelection(),
    indentOnInput(),
    bracketMatching(),
    highlightActiveLine(),
    highlightSelectionMatches(),
    syntaxHighlighting(colours),
    look,
    language.of([]),
    EditorState.lineSeparator.of(lineBreak),
    // Editable text is reached by keyboard anyway; with this, tools that check pages know.
    EditorView.contentAttributes.of({ "aria-label": `Text of ${path}`, tabindex: "0" }),
    keymap.of([
      {
        key: "Mod-s",
        preventDefault: true,
        run: () => {
          onSave();
          return true;
        },
      },
      // Escape, then Tab, leaves the editor by keyboard.
      indentWithTab,
      ...searchKeymap,
      ...historyKeymap,
      ...defaultKeymap,
    ]),
    EditorView.updateListener.of((update) => {
      if (update.docChanged) onChange(() => update.state.sliceDoc());
    }),
  ];
  const view = new EditorView({ parent, state: EditorState.create({ doc: text, extensions }) });
  if (text.length <= COLOURED_CHARS_MAX) void colourAs(view, language, path);
  return view;
}

async function colourAs(view: EditorView, language: Compartment, path: string) {
  const extension = extensionOf(path);
  const support = await LANGUAGES[SAME[extension] ?? extension]?.();
  if (support) view.dispatch({ effects: language.reconfigure(support) });
}

function nonce(): Extension {
  const content = pageNonce();
  return content ? EditorView.cspNonce.of(content) : [];
}
