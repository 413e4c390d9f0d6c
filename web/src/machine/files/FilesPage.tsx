import { FolderPlus, FolderTree, Upload } from "lucide-react";
import { useCallback, useRef, useState } from "react";
import { useSearchParams } from "react-router";
import { visible } from "../../diff/segments";
import { IconButton } from "../../ui/Button";
import { cx } from "../../ui/cx";
import { EmptyState } from "../../ui/EmptyState";
import { ErrorState } from "../../ui/ErrorState";
import { Skeleton } from "../../ui/Skeleton";
import { type FileEntry, parentOf } from "./client";
import { type Asked, FileDialogs } from "./FileDialogs";
import { FileList } from "./FileList";
import styles from "./FilesPage.module.css";
import { FileView } from "./FileView";
import { Uploads } from "./Uploads";
import { useDirectories } from "./useDirectories";
import { useUploads } from "./useUploads";

/** Where agents work. */
const ROOT = "/workspace";

/** Files inside the machine: a tree, and the one that is open. */
export default function FilesPage({ agent }: { agent: string }) {
  const [params, setParams] = useSearchParams();
  const shown = params.get("path") ?? undefined;
  const { lines, rootAnswer, toggle, reveal, refresh } = useDirectories(agent, ROOT);
  const [target, setTarget] = useState(ROOT);
  const [asked, setAsked] = useState<Asked>();
  const uploads = useUploads(agent, (path) => void refresh(parentOf(path)));
  const picker = useRef<HTMLInputElement>(null);

  const go = useCallback(
    (path: string | undefined) => setParams(path === undefined ? {} : { path }),
    [setParams],
  );
  const choose = (entry: FileEntry) => {
    if (entry.kind === "directory") {
      setTarget(entry.path);
      toggle(entry.path);
    } else {
      setTarget(parentOf(entry.path));
      go(entry.path);
    }
  };
  const upload = (directory: string, files: Iterable<File>) => {
    reveal(directory);
    uploads.add(directory, [...files]);
  };

  return (
    <div className={cx(styles.page, shown !== undefined && styles.viewing)}>
      <aside className={styles.aside} aria-label="Files of the machine">
        <div className={styles.tools}>
          <span className={styles.target} title={target}>
            {visible(target)}
          </span>
          <IconButton
            size="s"
            label="New folder here"
            icon={<FolderPlus />}
            onPress={() => setAsked({ kind: "folder", directory: target })}
          />
          <IconButton
            size="s"
            label="Upload files here"
            icon={<Upload />}
            onPress={() => picker.current?.click()}
          />
          <input
            ref={picker}
            type="file"
            multiple
            hidden
            aria-label="Files to upload"
            onChange={({ currentTarget }) => {
              if (currentTarget.files) upload(target, currentTarget.files);
              currentTarget.value = "";
            }}
          />
        </div>
        {rootAnswer?.isPending ? (
          <div className={styles.loading}>
            <Skeleton width="60%" />
            <Skeleton width="75%" />
            <Skeleton width="50%" />
          </div>
        ) : rootAnswer?.isError ? (
          <ErrorState
            title="Could not read the files"
            error={rootAnswer.error}
            onRetry={() => void refresh(ROOT)}
          />
        ) : (
          <FileList
            lines={lines}
            root={ROOT}
            shown={shown}
            onChoose={choose}
            onDrop={upload}
            onDelete={(entry) => setAsked({ kind: "delete", entry })}
          />
        )}
        <Uploads uploads={uploads} />
      </aside>
      <div className={styles.main}>
        {shown === undefined ? (
          <EmptyState icon={<FolderTree aria-hidden="true" />} title="Choose a file">
            Look at it, change it, or download it. Drop files on a folder to upload them.
          </EmptyState>
        ) : (
          <FileView
            key={shown}
            agent={agent}
            path={shown}
            onBack={() => go(undefined)}
            onDelete={(entry) => setAsked({ kind: "delete", entry })}
          />
        )}
      </div>
      {asked && (
        <FileDialogs
          agent={agent}
          asked={asked}
          onClose={() => setAsked(undefined)}
          onDone={(path) => {
            void refresh(parentOf(path));
            if (asked.kind === "delete" && (shown === path || shown?.startsWith(`${path}/`))) {
              go(undefined);
            }
          }}
        />
      )}
    </div>
  );
}
