import { ChevronDown, ChevronRight } from "lucide-react";
import { Button as AriaButton } from "react-aria-components";
import { CopyButton } from "../ui/CopyButton";
import { cx } from "../ui/cx";
import { Checkbox } from "../ui/Field";
import { Counts } from "./Counts";
import { type Entry, statusOf } from "./entry";
import styles from "./FileRow.module.css";
import { visible } from "./segments";
import type { RowActions } from "./useEntries";

interface FileRowProps {
  entry: Entry;
  isOpen: boolean;
  isViewed: boolean;
  actions: RowActions;
  /** Stays at the top while its lines scroll by. */
  isSticky?: boolean;
}

/** The head of one file: what happened to it, counts, the mark of having looked at it. */
export function FileRow(props: FileRowProps) {
  const { entry, isOpen, isViewed, actions, isSticky } = props;
  const { file } = entry;
  const mode = modeChange(entry);
  return (
    <div className={cx(styles.file, !isOpen && styles.closed, isSticky && styles.sticky)}>
      <AriaButton
        className={styles.toggle ?? ""}
        aria-expanded={isOpen}
        onPress={() => actions.toggle(entry)}
      >
        {isOpen ? <ChevronDown aria-hidden="true" /> : <ChevronRight aria-hidden="true" />}
        <StatusLetter status={file.status} />
        <FilePath path={file.path} oldPath={file.oldPath ?? undefined} />
      </AriaButton>
      <CopyButton text={file.path} label="Copy the path" />
      {mode !== undefined && <span className={styles.mode}>{mode}</span>}
      <span className={styles.end}>
        <Counts additions={file.additions} deletions={file.deletions} />
        <Checkbox isSelected={isViewed} onChange={(now) => actions.view(entry, now)}>
          <span className={styles.viewed}>Viewed</span>
        </Checkbox>
      </span>
    </div>
  );
}

/** A status as its letter; the word is said and shown on hover. */
export function StatusLetter({ status }: { status: string }) {
  const { letter, word } = statusOf(status);
  return (
    <span className={cx(styles.letter, styles[status])} title={word}>
      <span aria-hidden="true">{letter}</span>
      <span className="visually-hidden">{word}:</span>
    </span>
  );
}

function FilePath({ path, oldPath }: { path: string; oldPath: string | undefined }) {
  const slash = path.lastIndexOf("/") + 1;
  return (
    <span className={styles.path}>
      {oldPath !== undefined && oldPath !== path && (
        <span className={styles.old}>{visible(oldPath)} → </span>
      )}
      <span className={styles.folder}>{visible(path.slice(0, slash))}</span>
      <span className={styles.name}>{visible(path.slice(slash))}</span>
    </span>
  );
}

const MODES: Record<string, string> = {
  "100644": "ordinary file",
  "100755": "executable",
  "120000": "link",
  "160000": "submodule",
};

/** `ordinary file → executable`, where the kind of file changed. */
function modeChange({ file }: Entry): string | undefined {
  const { oldMode, newMode } = file;
  if (!oldMode || !newMode || oldMode === newMode) return undefined;
  return `${MODES[oldMode] ?? oldMode} → ${MODES[newMode] ?? newMode}`;
}
