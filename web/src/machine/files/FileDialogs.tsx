import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { explain } from "../../api/errors";
import { visible } from "../../diff/segments";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { Banner } from "../../ui/ErrorState";
import { TextField } from "../../ui/Field";
import { type FileEntry, joined, makeDirectory, removeFile } from "./client";

/** What a person is asked. */
export type Asked = { kind: "delete"; entry: FileEntry } | { kind: "folder"; directory: string };

interface FileDialogsProps {
  agent: string;
  asked: Asked;
  onClose(): void;
  /** Something changed at this path. */
  onDone(path: string): void;
}

/** The questions before files are deleted or folders made. */
export function FileDialogs({ agent, asked, onClose, onDone }: FileDialogsProps) {
  return asked.kind === "delete" ? (
    <DeleteDialog agent={agent} entry={asked.entry} onClose={onClose} onDone={onDone} />
  ) : (
    <FolderDialog agent={agent} directory={asked.directory} onClose={onClose} onDone={onDone} />
  );
}

interface DeleteDialogProps extends Omit<FileDialogsProps, "asked"> {
  entry: FileEntry;
}

function DeleteDialog({ agent, entry, onClose, onDone }: DeleteDialogProps) {
  const isDirectory = entry.kind === "directory";
  const removing = useMutation({
    mutationFn: () => removeFile(agent, entry),
    onSuccess: () => {
      onDone(entry.path);
      onClose();
    },
  });
  return (
    <Dialog
      isOpen
      onOpenChange={(isOpen) => !isOpen && onClose()}
      role="alertdialog"
      size="s"
      title={`Delete ${visible(entry.name)}?`}
      footer={
        <>
          <Button onPress={onClose}>Cancel</Button>
          <Button variant="danger" isPending={removing.isPending} onPress={() => removing.mutate()}>
            Delete
          </Button>
        </>
      }
    >
      {removing.isError && <Banner tone="red">{explain(removing.error).message}</Banner>}
      <p>
        {isDirectory
          ? "The folder and everything in it are deleted from the agent's machine."
          : "The file is deleted from the agent's machine."}{" "}
        What was committed can be had back from there.
      </p>
    </Dialog>
  );
}

interface FolderDialogProps extends Omit<FileDialogsProps, "asked"> {
  directory: string;
}

function FolderDialog({ agent, directory, onClose, onDone }: FolderDialogProps) {
  const [name, setName] = useState("");
  const path = joined(directory, name.trim());
  const making = useMutation({
    mutationFn: () => makeDirectory(agent, path),
    onSuccess: () => {
      onDone(path);
      onClose();
    },
  });
  const isMissing = name.trim() === "";
  const submit = (event?: FormEvent) => {
    event?.preventDefault();
    if (!isMissing) making.mutate();
  };
  return (
    <Dialog
      isOpen
      onOpenChange={(isOpen) => !isOpen && onClose()}
      size="s"
      title="New folder"
      footer={
        <>
          <Button onPress={onClose}>Cancel</Button>
          <Button
            variant="primary"
            isDisabled={isMissing}
            isPending={making.isPending}
            onPress={() => submit()}
          >
            Make it
          </Button>
        </>
      }
    >
      <form onSubmit={submit}>
        <TextField
          label={`Name, within ${visible(directory)}`}
          value={name}
          onChange={setName}
          autoFocus
          mono
          {...(making.isError && { error: explain(making.error).message })}
        />
      </form>
    </Dialog>
  );
}
