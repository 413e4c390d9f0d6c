import { useState } from "react";
import { explain } from "../../api/errors";
import type { BuildBody } from "../../api/types";
import { Banner } from "../../ui/ErrorState";
import { visibleBidi } from "../../ui/untrusted";
import styles from "./Builds.module.css";
import { changeOf, changesOf } from "./builds";
import { useChanges } from "./queries";

/** Rows that are shown; the others are counted. */
const ROWS = 200;

/** What a build brings that runs although nobody calls it by its path; looked for when it is opened. */
export function BuildChanges({ build }: { build: BuildBody }) {
  const [isOpen, open] = useState(false);
  return (
    <details className={styles.changes} onToggle={(event) => open(event.currentTarget.open)}>
      <summary>What runs by itself</summary>
      {isOpen && <Changes build={build} />}
    </details>
  );
}

function Changes({ build }: { build: BuildBody }) {
  const changes = useChanges(build.layer);
  if (changes.isError) return <Banner tone="red">{explain(changes.error).message}</Banner>;
  if (changes.data === undefined) return <p>Looking through its disk…</p>;
  const { items, whole } = changes.data;
  const over = items.length - ROWS;
  return (
    <>
      <p>{changesOf(changes.data)}</p>
      {items.length > 0 && (
        <ul>
          {items.slice(0, ROWS).map((change) => (
            <li key={change.path} data-kind={change.kind}>
              <span>{changeOf(change)}</span> <code>{visibleBidi(change.path)}</code>
            </li>
          ))}
        </ul>
      )}
      {over > 0 && <p>And {over} more: `errand build changes` lists all.</p>}
      {!whole && <p>It brings more programs than are told here.</p>}
    </>
  );
}
