import type { Schemas } from "../api/types";
import { CopyButton } from "../ui/CopyButton";
import { cx } from "../ui/cx";
import { plural } from "../ui/format";
import { Time } from "../ui/Time";
import styles from "./CommitList.module.css";
import { visible } from "./segments";

interface CommitListProps {
  commits: readonly Schemas["CommitBody"][];
  selected?: string | undefined;
  /** Shows one commit's changes, or all again. */
  onSelect: ((commit: string | undefined) => void) | undefined;
}

/** The commits of a branch, newest first. */
export function CommitList({ commits, selected, onSelect }: CommitListProps) {
  if (commits.length === 0) return null;
  return (
    <details className={styles.commits} open={commits.length <= 8}>
      <summary className={styles.summary}>{plural(commits.length, "commit")}</summary>
      <ol className={styles.list}>
        {commits.map((commit) => (
          <li
            key={commit.id}
            className={cx(styles.item, commit.id === selected && styles.selected)}
          >
            {onSelect ? (
              <button
                type="button"
                className={styles.commit}
                aria-pressed={commit.id === selected}
                onClick={() => onSelect(commit.id === selected ? undefined : commit.id)}
              >
                <Facts commit={commit} />
              </button>
            ) : (
              <span className={styles.commit}>
                <Facts commit={commit} />
              </span>
            )}
            <CopyButton text={commit.id} label="Copy the commit's id" />
          </li>
        ))}
      </ol>
    </details>
  );
}

function Facts({ commit }: { commit: Schemas["CommitBody"] }) {
  return (
    <>
      <span className={styles.subject}>
        {visible(commit.subject) || "Commit without a message"}
      </span>
      <span className={styles.detail}>
        <code>{commit.id.slice(0, 8)}</code> · <Time at={commit.authoredAt} />
        {commit.parents.length > 1 && " · merge"}
      </span>
    </>
  );
}
