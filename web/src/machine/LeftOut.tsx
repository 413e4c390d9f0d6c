import { useQuery } from "@tanstack/react-query";
import { Download, HardDrive } from "lucide-react";
import { Link } from "react-aria-components";
import { ApiError } from "../api/errors";
import { visible } from "../diff/segments";
import button from "../ui/Button.module.css";
import { CopyButton } from "../ui/CopyButton";
import { cx } from "../ui/cx";
import { Banner } from "../ui/ErrorState";
import { bytes } from "../ui/format";
import styles from "./ArtifactsPage.module.css";
import { contentPath, type FileEntry, listDirectory } from "./files/client";
import { useMachineState } from "./queries";

/** Where runs leave files for people. */
const FOLDER = "/workspace/.artifacts";
/** A larger file is not kept with the agent. */
const KEPT_BYTES = 64 * 1024 * 1024;
/** Folders that are looked into for what is too large. */
const FOLDERS = 20;
const LOOK_MS = 15_000;

/** What runs left that is too large to be kept, and how to get it all the same. */
export function LeftOut({ agent }: { agent: string }) {
  const state = useMachineState(agent);
  const large = useQuery({
    queryKey: ["machine", agent, "left-out"],
    enabled: state === "up",
    refetchInterval: LOOK_MS,
    queryFn: () => tooLarge(agent),
  });
  const files = state === "up" ? (large.data ?? []) : [];
  return (
    <div className={styles.left}>
      {files.map((file) => (
        <File key={file.path} agent={agent} file={file} />
      ))}
      <p className={styles.detail}>
        Kept are 100 files of at most 64 MB each, 512 MB in all. Larger ones stay in the machine:
        {state === "up" ? " they are named here while it is awake" : " wake it to see them here"},
        or copy one with <code>errand cp</code>.
      </p>
    </div>
  );
}

function File({ agent, file }: { agent: string; file: FileEntry }) {
  const name = visible(file.path.slice(FOLDER.length + 1));
  const command = `errand cp ${agent}:${quoted(file.path)} .`;
  return (
    <Banner
      tone="amber"
      icon={<HardDrive aria-hidden="true" />}
      action={
        <span className={styles.get}>
          <CopyButton text={command} label="Copy the command" />
          <Link
            className={cx(button.button, button.secondary, button.small)}
            href={contentPath(agent, file.path)}
            download
          >
            <Download aria-hidden="true" />
            <span>Download</span>
          </Link>
        </span>
      }
    >
      <b>{name}</b>, {bytes(file.size)}, is too large to be kept. It is in the machine only.
      Download it, or run: <code>{visible(command)}</code>
    </Banner>
  );
}

/** A path as a shell takes it. */
function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

async function tooLarge(agent: string): Promise<FileEntry[]> {
  const found: FileEntry[] = [];
  const folders = [FOLDER];
  for (let at = 0; at < Math.min(folders.length, FOLDERS); at += 1) {
    const items = await entriesOf(agent, folders[at] ?? FOLDER);
    for (const entry of items) {
      if (entry.kind === "directory") folders.push(entry.path);
      else if (entry.kind === "file" && entry.size > KEPT_BYTES) found.push(entry);
    }
  }
  return found;
}

async function entriesOf(agent: string, folder: string): Promise<FileEntry[]> {
  try {
    return (await listDirectory(agent, folder)).items;
  } catch (error) {
    // No run left anything yet.
    if (error instanceof ApiError && error.status === 404) return [];
    throw error;
  }
}
