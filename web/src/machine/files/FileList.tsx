import {
  ChevronDown,
  ChevronRight,
  File as FileIcon,
  FileSymlink,
  Folder,
  FolderOpen,
  Trash2,
} from "lucide-react";
import { type DragEvent, useState } from "react";
import { VList } from "virtua";
import { visible } from "../../diff/segments";
import { IconButton } from "../../ui/Button";
import { cx } from "../../ui/cx";
import { bytes } from "../../ui/format";
import { type FileEntry, parentOf } from "./client";
import styles from "./FileList.module.css";
import type { TreeLine } from "./useDirectories";

interface FileListProps {
  lines: TreeLine[];
  root: string;
  shown: string | undefined;
  onChoose(entry: FileEntry): void;
  onDrop(directory: string, files: Iterable<File>): void;
  onDelete(entry: FileEntry): void;
}

/** The tree of files. Files dropped on a line go into its folder. */
export function FileList({ lines, root, shown, onChoose, onDrop, onDelete }: FileListProps) {
  const [over, setOver] = useState<string>();
  const drop = (directory: string) => ({
    onDragOver: (event: DragEvent) => {
      if (!event.dataTransfer.types.includes("Files")) return;
      event.preventDefault();
      event.stopPropagation();
      setOver(directory);
    },
    onDragLeave: () => setOver(undefined),
    onDrop: (event: DragEvent) => {
      event.preventDefault();
      event.stopPropagation();
      setOver(undefined);
      onDrop(directory, event.dataTransfer.files);
    },
  });
  return (
    <section
      aria-label="Folders and files"
      className={cx(styles.drop, over === root && styles.over)}
      {...drop(root)}
    >
      <VList className={styles.list} data={lines} itemSize={28}>
        {(line) =>
          line.type === "note" ? (
            <p key={line.key} className={styles.note} style={indent(line.depth)}>
              {line.text}
            </p>
          ) : (
            <div
              key={line.entry.path}
              className={cx(
                styles.line,
                line.entry.path === shown && styles.shown,
                over === line.entry.path && styles.over,
              )}
              {...drop(
                line.entry.kind === "directory" ? line.entry.path : parentOf(line.entry.path),
              )}
            >
              <Line line={line} onChoose={onChoose} onDelete={onDelete} />
            </div>
          )
        }
      </VList>
    </section>
  );
}

interface LineProps {
  line: TreeLine & { type: "entry" };
  onChoose(entry: FileEntry): void;
  onDelete(entry: FileEntry): void;
}

function Line({ line, onChoose, onDelete }: LineProps) {
  const { entry, depth, isOpen } = line;
  const isDirectory = entry.kind === "directory";
  return (
    <>
      <button
        type="button"
        className={styles.open}
        style={indent(depth)}
        aria-expanded={isDirectory ? isOpen : undefined}
        onClick={() => onChoose(entry)}
      >
        <span className={styles.arrow}>
          {isDirectory &&
            (isOpen ? <ChevronDown aria-hidden="true" /> : <ChevronRight aria-hidden="true" />)}
        </span>
        <Icon entry={entry} isOpen={isOpen} />
        <span className={styles.name}>{visible(entry.name)}</span>
        {entry.kind === "file" && <span className={styles.size}>{bytes(entry.size)}</span>}
        {line.isLoading && <span className={styles.size}>…</span>}
      </button>
      <span className={styles.delete}>
        <IconButton
          size="s"
          label={`Delete ${entry.name}`}
          icon={<Trash2 />}
          onPress={() => onDelete(entry)}
        />
      </span>
    </>
  );
}

function Icon({ entry, isOpen }: { entry: FileEntry; isOpen: boolean }) {
  if (entry.kind === "directory") {
    return isOpen ? <FolderOpen aria-hidden="true" /> : <Folder aria-hidden="true" />;
  }
  return entry.kind === "link" ? (
    <FileSymlink aria-label="Link" />
  ) : (
    <FileIcon aria-hidden="true" />
  );
}

function indent(depth: number) {
  return { paddingLeft: 8 + Math.min(depth, 10) * 14 };
}
