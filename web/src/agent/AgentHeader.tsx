import { useMutation } from "@tanstack/react-query";
import {
  Archive,
  ArchiveRestore,
  Copy,
  Ellipsis,
  GitFork,
  HardDriveDownload,
  History,
  Pencil,
  SquareTerminal,
  Trash2,
} from "lucide-react";
import { useState } from "react";
import { useNavigate } from "react-router";
import { call } from "../api/client";
import { explain } from "../api/errors";
import { queryClient, useSession } from "../api/queries";
import type { Agent } from "../api/types";
import { SidebarButton, useDocumentTitle } from "../app/PageHeader";
import { Badge, StatusDot } from "../ui/Badge";
import { Button, IconButton } from "../ui/Button";
import { copyText } from "../ui/CopyButton";
import { Dialog } from "../ui/Dialog";
import { Banner } from "../ui/ErrorState";
import { Menu, MenuItem, MenuLine } from "../ui/Menu";
import { Skeleton } from "../ui/Skeleton";
import styles from "./AgentHeader.module.css";
import { AgentName } from "./AgentName";
import { AttachDialog } from "./AttachDialog";
import { ForkDialog } from "./ForkDialog";
import { KeepDialog } from "./KeepDialog";
import { Presence } from "./Presence";
import { RestoreDialog } from "./RestoreDialog";
import { useHead, useScope } from "./useTimeline";
import { stateOf } from "./words";

/** The top of an agent's page: its name, how it is doing, who watches, what can be done with it. */
export function AgentHeader({ agent }: { agent: Agent | undefined }) {
  const head = useHead();
  const [isRenaming, setRenaming] = useState(false);
  const name = head.name ?? agent?.name;
  useDocumentTitle(name ?? "Agent");
  const { word, tone, live } = stateOf(head, agent ?? {});
  return (
    <header className={styles.header}>
      <SidebarButton />
      {name === undefined ? (
        <Skeleton width={220} height={16} />
      ) : (
        <AgentName name={name} isEditing={isRenaming} onEditing={setRenaming} />
      )}
      {head.isBuild && <Badge icon={<HardDriveDownload aria-hidden="true" />}>Build</Badge>}
      {(agent !== undefined || head.active !== undefined) && (
        <StatusDot word={word} tone={tone} live={live ?? false} />
      )}
      <div className={styles.end}>
        <Presence />
        <Actions agent={agent} onRename={() => setRenaming(true)} />
      </div>
    </header>
  );
}

function Actions({ agent, onRename }: { agent: Agent | undefined; onRename(): void }) {
  const { agent: id } = useScope();
  const head = useHead();
  const [dialog, setDialog] = useState<"attach" | "fork" | "restore" | "keep" | "delete">();
  const admin = useSession().data?.admin ?? false;
  const isArchived = head.archived ?? agent?.status === "ARCHIVED";
  const repos = agent?.repos ?? [];
  const canKeep = admin && !head.isBuild && !isArchived && repos.length > 0;
  // An agent is forked while it rests.
  const canFork = !head.active && head.queue.length === 0 && !head.isBuild && !isArchived;
  const archive = useMutation({
    mutationFn: () => call("POST", `/v1/agents/${id}/${isArchived ? "unarchive" : "archive"}`),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["agent", id], exact: true }),
  });
  return (
    <>
      {archive.isError && <span role="alert">{explain(archive.error).message}</span>}
      <Menu
        label="Agent"
        placement="bottom end"
        trigger={<IconButton label="More" icon={<Ellipsis />} isPending={archive.isPending} />}
      >
        <MenuItem icon={<Pencil />} onAction={onRename}>
          Rename
        </MenuItem>
        <MenuItem icon={<SquareTerminal />} onAction={() => setDialog("attach")}>
          Open in a terminal
        </MenuItem>
        {canFork && (
          <MenuItem icon={<GitFork />} onAction={() => setDialog("fork")}>
            Fork…
          </MenuItem>
        )}
        {canFork && repos.length > 0 && (
          <MenuItem icon={<History />} onAction={() => setDialog("restore")}>
            Put files back…
          </MenuItem>
        )}
        {canKeep && (
          <MenuItem icon={<HardDriveDownload />} onAction={() => setDialog("keep")}>
            Keep this machine for new agents…
          </MenuItem>
        )}
        <MenuItem icon={<Copy />} onAction={() => void copyText(id)}>
          Copy the id
        </MenuItem>
        <MenuLine />
        <MenuItem
          icon={isArchived ? <ArchiveRestore /> : <Archive />}
          onAction={() => archive.mutate()}
        >
          {isArchived ? "Take out of the archive" : "Archive"}
        </MenuItem>
        <MenuItem icon={<Trash2 />} danger onAction={() => setDialog("delete")}>
          Delete…
        </MenuItem>
      </Menu>
      <AttachDialog agent={id} isOpen={dialog === "attach"} onClose={() => setDialog(undefined)} />
      <ForkDialog agent={id} isOpen={dialog === "fork"} onClose={() => setDialog(undefined)} />
      <RestoreDialog
        agent={id}
        isOpen={dialog === "restore"}
        onClose={() => setDialog(undefined)}
      />
      <KeepDialog
        agent={id}
        repos={repos.map(({ url }) => url)}
        isOpen={dialog === "keep"}
        onClose={() => setDialog(undefined)}
      />
      <DeleteDialog
        id={id}
        name={head.name ?? agent?.name ?? "this agent"}
        isOpen={dialog === "delete"}
        onClose={() => setDialog(undefined)}
      />
    </>
  );
}

interface DeleteProps {
  id: string;
  name: string;
  isOpen: boolean;
  onClose(): void;
}

function DeleteDialog({ id, name, isOpen, onClose }: DeleteProps) {
  const navigate = useNavigate();
  const remove = useMutation({
    mutationFn: () => call("DELETE", `/v1/agents/${id}`),
    onSuccess: () => navigate("/"),
  });
  return (
    <Dialog
      isOpen={isOpen}
      onOpenChange={onClose}
      title={`Delete “${name}”?`}
      role="alertdialog"
      size="s"
      footer={
        <>
          <Button onPress={onClose}>Keep it</Button>
          <Button variant="danger" isPending={remove.isPending} onPress={() => remove.mutate()}>
            Delete the agent
          </Button>
        </>
      }
    >
      <p>
        Its machine, conversation and artifacts go for good. Branches and pull requests that were
        pushed stay where they are.
      </p>
      {remove.isError && <Banner tone="red">{explain(remove.error).message}</Banner>}
    </Dialog>
  );
}
