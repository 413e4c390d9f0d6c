import { ArrowDownToLine, ArrowUpToLine, UnfoldVertical } from "lucide-react";
import { useState } from "react";
import { explain } from "../api/errors";
import { Button, IconButton } from "../ui/Button";
import { bytes, exactCount, plural } from "../ui/format";
import { Skeleton } from "../ui/Skeleton";
import { useObjectUrl } from "../ui/useObjectUrl";
import type { Entry, FoldReason } from "./entry";
import styles from "./FoldRows.module.css";
import type { Gap } from "./patch";
import { useImage } from "./queries";
import { visible } from "./segments";
import type { RevealPart, RowActions } from "./useEntries";

/** Up to how many hidden lines one press shows all. */
const SMALL_GAP = 20;

interface GapRowProps {
  entry: Entry;
  index: number;
  gap: Gap;
  section: string;
  actions: RowActions;
}

/** Unchanged lines that are hidden, and the ways to see them. */
export function GapRow({ entry, index, gap, section, actions }: GapRowProps) {
  const [problem, setProblem] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  const isLast = index === entry.hunks.length;
  const reveal = (part: RevealPart) => {
    setBusy(true);
    setProblem(undefined);
    actions
      .reveal(entry, index, gap, part)
      .catch((error: unknown) => setProblem(explain(error).message))
      .finally(() => setBusy(false));
  };
  const count = Number.isFinite(gap.count)
    ? plural(gap.count, "unchanged line")
    : "The rest of the file";
  return (
    <div className={styles.gap}>
      <span className={styles.buttons}>
        {gap.count <= SMALL_GAP ? (
          <IconButton
            size="s"
            label="Show these lines"
            icon={<UnfoldVertical />}
            isDisabled={isBusy}
            onPress={() => reveal("all")}
          />
        ) : (
          <>
            {index > 0 && (
              <IconButton
                size="s"
                label="Show more below this part"
                icon={<ArrowDownToLine />}
                isDisabled={isBusy}
                onPress={() => reveal("top")}
              />
            )}
            {!isLast && (
              <IconButton
                size="s"
                label="Show more above this part"
                icon={<ArrowUpToLine />}
                isDisabled={isBusy}
                onPress={() => reveal("bottom")}
              />
            )}
          </>
        )}
      </span>
      <span className={styles.count}>{count}</span>
      <span className={styles.section}>{visible(section)}</span>
      {problem !== undefined && (
        <span className={styles.problem} role="alert">
          {problem}
        </span>
      )}
    </div>
  );
}

const REASONS: Record<FoldReason, string> = {
  binary: "This file is not text, so there are no lines to show.",
  image: "This image cannot be shown.",
  left_out: "The changes together were too large to send, so the lines of this file were left out.",
  no_lines: "No lines changed: the file is empty, was moved, or only its kind changed.",
  large: "This is a large change, so it is folded.",
  generated: "This file is usually written by a tool, so it is folded.",
};

/** Why a file's lines are not shown. */
export function NoteRow({ entry, actions }: { entry: Entry; actions: RowActions }) {
  const { file, folded = "no_lines" } = entry;
  const canShow = folded === "large" || folded === "generated";
  return (
    <div className={styles.note}>
      <span>
        {REASONS[folded]}
        {file.additions + file.deletions > 0 && (
          <> {exactCount(file.additions + file.deletions)} changed lines.</>
        )}
      </span>
      {canShow && (
        <Button size="s" onPress={() => actions.force(entry)}>
          Show the lines
        </Button>
      )}
    </div>
  );
}

/** An image before and after. */
export function ImageRow({ agent, entry }: { agent: string; entry: Entry }) {
  const { file, repo, repoIndex } = entry;
  const place = { agent, repoIndex };
  const before = { ...place, commit: repo.base, path: file.oldPath ?? file.path };
  const after = { ...place, commit: repo.head, path: file.path };
  return (
    <div className={styles.images}>
      {file.status !== "added" && <Picture label="Before" place={before} />}
      {file.status !== "deleted" && <Picture label="After" place={after} />}
    </div>
  );
}

function Picture({ label, place }: { label: string; place: Parameters<typeof useImage>[0] }) {
  const image = useImage(place, true);
  const [size, setSize] = useState<string>();
  const url = useObjectUrl(image.data);
  return (
    <figure className={styles.picture}>
      <div className={styles.frame}>
        {image.isError ? (
          <span className={styles.count}>{explain(image.error).message}</span>
        ) : url === undefined ? (
          <Skeleton width={160} height={120} />
        ) : (
          <img
            src={url}
            alt={`${place.path}, ${label.toLowerCase()}`}
            onLoad={({ currentTarget: shown }) =>
              setSize(`${shown.naturalWidth} × ${shown.naturalHeight}`)
            }
          />
        )}
      </div>
      <figcaption className={styles.count}>
        {label}
        {size !== undefined && ` · ${size}`}
        {image.data && ` · ${bytes(image.data.size)}`}
      </figcaption>
    </figure>
  );
}
