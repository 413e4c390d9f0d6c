import { useMutation, useQuery } from "@tanstack/react-query";
import { Download, FileText, Film, Image as ImageIcon, Images } from "lucide-react";
import { useEffect, useState } from "react";
import { call, send } from "../api/client";
import { explain } from "../api/errors";
import { visible } from "../diff/segments";
import { Button, IconButton } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { EmptyState } from "../ui/EmptyState";
import { Banner, ErrorState } from "../ui/ErrorState";
import { bytes } from "../ui/format";
import { Skeleton } from "../ui/Skeleton";
import { Time } from "../ui/Time";
import { useObjectUrl } from "../ui/useObjectUrl";
import styles from "./ArtifactsPage.module.css";
import { LeftOut } from "./LeftOut";
import { mediaType, shownAs, textOf } from "./preview";
import { type Artifact, machinePath, useArtifacts } from "./queries";

/** Images up to this size are shown without being asked for. */
const THUMBNAIL_BYTES = 8_000_000;
/** Files up to this size can be looked at here. */
const VIEW_BYTES = 100_000_000;
/** Characters of a text that are shown, from its end: there logs say what went wrong. */
const TEXT_CHARS = 200_000;

/** Screenshots, videos, logs and other files that runs left for people. */
export function ArtifactsPage({ agent }: { agent: string }) {
  const artifacts = useArtifacts(agent);
  const [open, setOpen] = useState<Artifact>();
  if (artifacts.isPending) {
    return (
      <div className={styles.page}>
        <div className={styles.grid}>
          <Skeleton height={190} radius={8} />
          <Skeleton height={190} radius={8} />
          <Skeleton height={190} radius={8} />
        </div>
      </div>
    );
  }
  if (artifacts.isError) {
    return (
      <ErrorState
        title="Could not list the artifacts"
        error={artifacts.error}
        onRetry={() => void artifacts.refetch()}
      />
    );
  }
  if (artifacts.data.length === 0) {
    return (
      <div className={styles.page}>
        <EmptyState icon={<Images aria-hidden="true" />} title="No artifacts yet">
          Screenshots, videos, logs and other files that the agent puts into{" "}
          <code>/workspace/.artifacts</code> are kept here when a run ends, also while the machine
          sleeps.
        </EmptyState>
        <LeftOut agent={agent} />
      </div>
    );
  }
  return (
    <div className={styles.page}>
      <ul className={styles.grid}>
        {artifacts.data.map((artifact) => (
          <li key={artifact.path}>
            <Card agent={agent} artifact={artifact} onOpen={() => setOpen(artifact)} />
          </li>
        ))}
      </ul>
      <LeftOut agent={agent} />
      {open && <Viewer agent={agent} artifact={open} onClose={() => setOpen(undefined)} />}
    </div>
  );
}

async function fetchArtifact(agent: string, path: string): Promise<Blob> {
  const query = new URLSearchParams({ path });
  const link = await call<{ url: string }>(
    "GET",
    machinePath(agent, `artifacts/download?${query}`),
  );
  // The link names the public address; this page may be open under another name of the server.
  const { pathname } = new URL(link.url, location.origin);
  const blob = await (await send("GET", pathname)).blob();
  return new Blob([blob], { type: mediaType(path) ?? "application/octet-stream" });
}

function useArtifact(agent: string, { path, updatedAt }: Artifact, enabled: boolean) {
  return useQuery({
    queryKey: ["artifact", agent, path, updatedAt],
    enabled,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 60_000,
    queryFn: () => fetchArtifact(agent, path),
  });
}

interface CardProps {
  agent: string;
  artifact: Artifact;
  onOpen(): void;
}

function Card({ agent, artifact, onOpen }: CardProps) {
  const { path, sizeBytes, updatedAt } = artifact;
  const kind = shownAs(path);
  const image = useArtifact(agent, artifact, kind === "image" && sizeBytes <= THUMBNAIL_BYTES);
  // The viewer fetches other kinds into the same place.
  const url = useObjectUrl(kind === "image" ? image.data : undefined);
  const icon = kind === "image" ? <ImageIcon /> : kind === "video" ? <Film /> : <FileText />;
  const name = visible(path.replace(/^artifacts\//, ""));
  return (
    <div className={styles.card}>
      <button type="button" className={styles.open} onClick={onOpen} aria-label={`Open ${name}`}>
        <span className={styles.picture}>
          {url === undefined ? icon : <img src={url} alt="" />}
        </span>
      </button>
      <div className={styles.below}>
        <span className={styles.facts}>
          <span className={styles.name} title={name}>
            {name}
          </span>
          <span className={styles.detail}>
            {bytes(sizeBytes)} · <Time at={updatedAt} />
          </span>
        </span>
        <DownloadButton agent={agent} artifact={artifact} />
      </div>
    </div>
  );
}

function useDownload(agent: string, path: string) {
  return useMutation({
    mutationFn: () => fetchArtifact(agent, path),
    onSuccess: (blob) => {
      const link = document.createElement("a");
      const url = URL.createObjectURL(blob);
      link.href = url;
      link.download = path.slice(path.lastIndexOf("/") + 1);
      link.click();
      setTimeout(() => URL.revokeObjectURL(url), 60_000);
    },
  });
}

function DownloadButton({ agent, artifact }: { agent: string; artifact: Artifact }) {
  const download = useDownload(agent, artifact.path);
  const label = download.isError ? explain(download.error).message : "Download";
  return (
    <IconButton
      size="s"
      label={label}
      icon={<Download />}
      isPending={download.isPending}
      onPress={() => download.mutate()}
    />
  );
}

interface ViewerProps {
  agent: string;
  artifact: Artifact;
  onClose(): void;
}

function Viewer({ agent, artifact, onClose }: ViewerProps) {
  const fits = artifact.sizeBytes <= VIEW_BYTES;
  const content = useArtifact(agent, artifact, fits);
  const download = useDownload(agent, artifact.path);
  return (
    <Dialog
      isOpen
      onOpenChange={(isOpen) => !isOpen && onClose()}
      title={visible(artifact.path.replace(/^artifacts\//, ""))}
      size="l"
      footer={
        <Button
          icon={<Download />}
          isPending={download.isPending}
          onPress={() => download.mutate()}
        >
          Download
        </Button>
      }
    >
      {content.isError && <Banner tone="red">{explain(content.error).message}</Banner>}
      {!fits && <p>This file is too large to be shown here. Download it to look at it.</p>}
      {fits && content.isPending && <Skeleton height={240} radius={8} />}
      {content.data && <Content path={artifact.path} blob={content.data} />}
    </Dialog>
  );
}

function Content({ path, blob }: { path: string; blob: Blob }) {
  const url = useObjectUrl(blob);
  const kind = shownAs(path);
  if (kind === "image") return <img className={styles.whole} src={url} alt={path} />;
  if (kind === "video") {
    // biome-ignore lint/a11y/useMediaCaption: recordings of screens have no words
    return <video className={styles.whole} src={url} controls />;
  }
  return <TextContent blob={blob} />;
}

function TextContent({ blob }: { blob: Blob }) {
  const [text, setText] = useState<string | null>();
  useEffect(() => {
    let isShown = true;
    void blob.arrayBuffer().then((buffer) => {
      if (isShown) setText(textOf(new Uint8Array(buffer)) ?? null);
    });
    return () => {
      isShown = false;
    };
  }, [blob]);
  if (text === undefined) return <Skeleton height={240} radius={8} />;
  if (text === null) return <p>This file is not text. Download it to look at it.</p>;
  const left = text.length - TEXT_CHARS;
  return (
    <>
      {left > 0 && <p className={styles.detail}>The beginning, {bytes(left)}, is not shown.</p>}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it must scroll by keyboard */}
      <pre className={styles.text} tabIndex={0}>
        {visible(text.slice(Math.max(0, left)).replaceAll("\r\n", "\n"))}
      </pre>
    </>
  );
}
