import type { EditorView } from "@codemirror/view";
import { type RefObject, useEffect, useRef } from "react";
import { makeEditor } from "../../machine/files/editor";
import styles from "./Environments.module.css";
import type { Remark } from "./environments";
import { useCheck } from "./queries";

interface EnvironmentTextProps {
  /** What the editor begins with. */
  text: string;
  onChange(text: string): void;
  onSave(): void;
  /** Where the editor is put, for who leads to a line. */
  view: RefObject<EditorView | undefined>;
}

/** The text of an environment, to be changed. */
export function EnvironmentText({ text, onChange, onSave, view }: EnvironmentTextProps) {
  const parent = useRef<HTMLDivElement>(null);
  const begun = useRef(text);
  const told = useRef({ onChange, onSave });
  told.current = { onChange, onSave };
  useEffect(() => {
    if (!parent.current) return;
    const made = makeEditor({
      parent: parent.current,
      path: "environment.json",
      text: begun.current,
      onChange: (read) => told.current.onChange(read()),
      onSave: () => told.current.onSave(),
    });
    view.current = made;
    return () => made.destroy();
  }, [view]);
  return <div ref={parent} className={styles.editor} />;
}

interface FindingsProps {
  text: string;
  onGo(remark: Remark): void;
}

/** What the server finds wrong with a text; each leads to its line. */
export function Findings({ text, onGo }: FindingsProps) {
  const check = useCheck(text);
  if (check.data === undefined) return null;
  const { problems, warnings } = check.data;
  const words =
    problems.length > 0
      ? "This text cannot be used yet"
      : warnings.length > 0
        ? "This text can be used, with warnings"
        : "This text can be used";
  return (
    <section className={styles.findings} aria-label="What the server says about it">
      <p role="status" className={problems.length > 0 ? styles.bad : styles.good}>
        {words}
      </p>
      <ul>
        {problems.map((remark) => (
          <Finding key={keyOf(remark)} remark={remark} isProblem onGo={onGo} />
        ))}
        {warnings.map((remark) => (
          <Finding key={keyOf(remark)} remark={remark} onGo={onGo} />
        ))}
      </ul>
    </section>
  );
}

function keyOf({ line, column, code, key }: Remark): string {
  return `${line}:${column} ${code} ${key}`;
}

interface FindingProps {
  remark: Remark;
  isProblem?: boolean;
  onGo(remark: Remark): void;
}

function Finding({ remark, isProblem, onGo }: FindingProps) {
  const { line, column, key, message } = remark;
  return (
    <li>
      <button type="button" className={styles.finding} onClick={() => onGo(remark)}>
        <span className={styles.place}>
          {isProblem ? "Problem" : "Warning"} in line {line}, column {column}
        </span>
        {key !== "" && <code>{key}</code>}
        <span>{message}</span>
      </button>
    </li>
  );
}
