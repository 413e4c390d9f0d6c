import { useQuery } from "@tanstack/react-query";
import { ArrowLeft, Download, FileQuestion, Trash2 } from "lucide-react";
import { lazy, Suspense, useMemo } from "react";
import { Link } from "react-aria-components";
import { visible } from "../../diff/segments";
import { IconButton } from "../../ui/Button";
import button from "../../ui/Button.module.css";
import { CopyButton } from "../../ui/CopyButton";
import { cx } from "../../ui/cx";
import { EmptyState } from "../../ui/EmptyState";
import { ErrorState } from "../../ui/ErrorState";
import { bytes } from "../../ui/format";
import { Skeleton } from "../../ui/Skeleton";
import { Time } from "../../ui/Time";
import { useObjectUrl } from "../../ui/useObjectUrl";
import { mediaType, shownAs, textOf } from "../preview";
import { contentPath, type FileEntry, type FileStat, readFile, statFile } from "./client";
import styles from "./FileView.module.css";

const TextEditor = lazy(() => import("./TextEditor"));

/** Files beyond this are downloaded, not shown. */
const SHOWN_BYTES = 5_000_000;

interface FileViewProps {
  agent: string;
  path: string;
  onBack(): void;
  onDelete(entry: FileEntry): void;
}

/** One file: text to change, an image, or what it is. */
export function FileView({ agent, path, onBack, onDelete }: FileViewProps) {
  const stat = useQuery({
    queryKey: ["machine", agent, "stat", path],
    staleTime: 0,
    queryFn: () => statFile(agent, path),
  });
  return (
    <div className={styles.view}>
      <div className={styles.head}>
        <span className={styles.back}>
          <IconButton label="Back to the files" icon={<ArrowLeft />} onPress={onBack} />
        </span>
        <span className={styles.path} title={path}>
          {visible(path)}
        </span>
        <CopyButton text={path} label="Copy the path" />
        {stat.data && <Facts stat={stat.data} />}
        <span className={styles.tools}>
          <Link
            className={cx(button.button, button.quiet, button.small)}
            href={contentPath(agent, path)}
            download
            aria-label="Download"
          >
            <Download aria-hidden="true" />
            <span className={styles.word}>Download</span>
          </Link>
          {stat.data && (
            <IconButton
              size="s"
              label="Delete this file"
              icon={<Trash2 />}
              onPress={() => onDelete(stat.data)}
            />
          )}
        </span>
      </div>
      {stat.isPending ? (
        <Loading />
      ) : stat.isError ? (
        <ErrorState
          title="Could not open this file"
          error={stat.error}
          onRetry={() => void stat.refetch()}
        />
      ) : (
        <Content agent={agent} stat={stat.data} />
      )}
    </div>
  );
}

function Facts({ stat }: { stat: FileStat }) {
  return (
    <span className={styles.facts}>
      {stat.kind === "link" && stat.target ? `link to ${visible(stat.target)} · ` : ""}
      {bytes(stat.size)} · <Time at={stat.modifiedAt} />
      {(stat.mode & 0o111) !== 0 && " · executable"}
    </span>
  );
}

function Content({ agent, stat }: { agent: string; stat: FileStat }) {
  const { path, size, kind } = stat;
  const isShown = (kind === "file" || kind === "link") && size <= SHOWN_BYTES;
  const file = useQuery({
    queryKey: ["machine", agent, "content", path],
    enabled: isShown,
    // An editor holds a person's changes: nothing may be read again below it.
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
    refetchOnReconnect: false,
    queryFn: () => readFile(agent, path),
  });
  const text = useMemo(() => file.data && textOf(file.data.bytes), [file.data]);
  if (!isShown) {
    return (
      <EmptyState icon={<FileQuestion aria-hidden="true" />} title="Not shown here">
        {size > SHOWN_BYTES
          ? `With ${bytes(size)}, this file is too large to be shown. Download it to look at it.`
          : "This is no plain file: a socket, a pipe or a device."}
      </EmptyState>
    );
  }
  if (file.isPending) return <Loading />;
  if (file.isError) {
    return (
      <ErrorState
        title="Could not read this file"
        error={file.error}
        onRetry={() => void file.refetch()}
      />
    );
  }
  if (shownAs(path) === "image" && text === undefined) {
    return <ImageView path={path} bytes={file.data.bytes} />;
  }
  if (text === undefined) {
    return (
      <EmptyState icon={<FileQuestion aria-hidden="true" />} title="Not a text file">
        Its bytes are no text, so there is nothing to read or change here. Download it to look at
        it.
      </EmptyState>
    );
  }
  return (
    <Suspense fallback={<Loading />}>
      <TextEditor agent={agent} path={path} text={text} etag={file.data.etag} />
    </Suspense>
  );
}

function ImageView({ path, bytes: content }: { path: string; bytes: Uint8Array<ArrayBuffer> }) {
  const blob = useMemo(() => new Blob([content], { type: mediaType(path) ?? "" }), [content, path]);
  const url = useObjectUrl(blob);
  return (
    <div className={styles.image}>{url !== undefined && <img src={url} alt={visible(path)} />}</div>
  );
}

function Loading() {
  return (
    <div className={styles.loading}>
      <Skeleton width="50%" />
      <Skeleton width="70%" />
      <Skeleton width="38%" />
    </div>
  );
}
