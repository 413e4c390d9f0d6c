import type { EditorView } from "@codemirror/view";
import { useMutation } from "@tanstack/react-query";
import { Save } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { useBlocker } from "react-router";
import { explain } from "../../api/errors";
import { queryClient } from "../../api/queries";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { Banner } from "../../ui/ErrorState";
import { Kbd } from "../../ui/Kbd";
import { textOf } from "../preview";
import { isConflict, type Over, readFile, writeFile } from "./client";
import { makeEditor } from "./editor";
import styles from "./TextEditor.module.css";

interface TextEditorProps {
  agent: string;
  path: string;
  text: string;
  etag: string;
}

/** A text file, to read and to change. The agent may change it at the same time. */
export default function TextEditor({ agent, path, text, etag }: TextEditorProps) {
  const parent = useRef<HTMLDivElement>(null);
  const editor = useRef<EditorView>(undefined);
  const saved = useRef({ text, etag });
  const save = useRef(() => {});
  const [isChanged, setChanged] = useState(false);
  const [hasConflict, setConflict] = useState(false);

  useEffect(() => {
    if (!parent.current) return;
    const view = makeEditor({
      parent: parent.current,
      path,
      text: saved.current.text,
      onChange: (read) => setChanged(read() !== saved.current.text),
      onSave: () => save.current(),
    });
    editor.current = view;
    return () => view.destroy();
  }, [path]);

  const saving = useMutation({
    mutationFn: async (over: Over) => {
      const sent = editor.current?.state.sliceDoc() ?? "";
      const written = await writeFile(agent, path, new Blob([sent]), over);
      return { sent, written };
    },
    onSuccess: ({ sent, written }) => {
      saved.current = { text: sent, etag: written.etag };
      setChanged((editor.current?.state.sliceDoc() ?? "") !== sent);
      void queryClient.invalidateQueries({ queryKey: ["machine", agent, "stat", path] });
    },
    onError: (error) => setConflict(isConflict(error)),
  });
  const loading = useMutation({
    mutationFn: () => readFile(agent, path),
    onSuccess: ({ bytes, etag: now }) => {
      const theirs = textOf(bytes) ?? "";
      saved.current = { text: theirs, etag: now };
      const view = editor.current;
      view?.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: theirs } });
      setChanged(false);
      setConflict(false);
      saving.reset();
    },
  });
  save.current = () => {
    if (isChanged && !saving.isPending) {
      saving.mutate({ kind: "version", etag: saved.current.etag });
    }
  };
  const blocker = useUnsaved(isChanged);

  return (
    <div className={styles.editor}>
      <div ref={parent} className={styles.text} />
      <div className={styles.bar}>
        {saving.isError && !hasConflict ? (
          <span className={styles.problem} role="alert">
            {explain(saving.error).message}
          </span>
        ) : (
          <span className={styles.state} role="status">
            {isChanged ? "Not saved" : saving.isSuccess ? "Saved" : "As it is on the machine"}
          </span>
        )}
        <span className={styles.keys}>
          <Kbd keys="mod+s" />
        </span>
        <Button
          size="s"
          variant={isChanged ? "primary" : "secondary"}
          icon={<Save />}
          isDisabled={!isChanged}
          isPending={saving.isPending}
          onPress={() => save.current()}
        >
          Save
        </Button>
      </div>
      <Dialog
        isOpen={hasConflict}
        onOpenChange={setConflict}
        title="The file changed meanwhile"
        size="s"
        footer={
          <>
            <Button isPending={loading.isPending} onPress={() => loading.mutate()}>
              Load theirs
            </Button>
            <Button
              variant="danger"
              onPress={() => {
                setConflict(false);
                saving.mutate({ kind: "anything" });
              }}
            >
              Overwrite with mine
            </Button>
          </>
        }
      >
        {loading.isError && <Banner tone="red">{explain(loading.error).message}</Banner>}
        <p>
          The agent, or somebody else, wrote this file after you opened it. Close this window to
          keep editing yours; nothing was saved.
        </p>
      </Dialog>
      <Dialog
        isOpen={blocker.state === "blocked"}
        onOpenChange={(isOpen) => !isOpen && blocker.reset?.()}
        role="alertdialog"
        title="Leave without saving?"
        size="s"
        footer={
          <>
            <Button onPress={() => blocker.reset?.()}>Stay</Button>
            <Button variant="danger" onPress={() => blocker.proceed?.()}>
              Leave
            </Button>
          </>
        }
      >
        <p>Your changes to this file are lost when you leave.</p>
      </Dialog>
    </div>
  );
}

/** Asks before changes are lost, on our own links and when the tab is closed. */
function useUnsaved(isChanged: boolean) {
  useEffect(() => {
    if (!isChanged) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener("beforeunload", ask);
    return () => window.removeEventListener("beforeunload", ask);
  }, [isChanged]);
  return useBlocker(
    ({ currentLocation: from, nextLocation: to }) =>
      isChanged && (from.pathname !== to.pathname || from.search !== to.search),
  );
}
