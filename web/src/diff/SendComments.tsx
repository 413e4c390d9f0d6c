import { useMutation } from "@tanstack/react-query";
import { Send, Trash2 } from "lucide-react";
import { useMemo, useState } from "react";
import { useNavigate } from "react-router";
import { call } from "../api/client";
import { explain } from "../api/errors";
import { queryClient, useAgent } from "../api/queries";
import type { CreateRun } from "../api/types";
import { Button, IconButton } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { Banner } from "../ui/ErrorState";
import { TextArea } from "../ui/Field";
import { plural } from "../ui/format";
import { type Comment, clearComments, messageOf, placeText, removeComment } from "./comments";
import styles from "./SendComments.module.css";

/** The button that sends all kept comments as one message, and its window. */
export function SendComments({ agent, comments }: { agent: string; comments: readonly Comment[] }) {
  const [isOpen, setOpen] = useState(false);
  if (comments.length === 0) return null;
  return (
    <>
      <Button variant="primary" size="s" icon={<Send />} onPress={() => setOpen(true)}>
        {`Send ${plural(comments.length, "comment")}`}
      </Button>
      <SendDialog agent={agent} comments={comments} isOpen={isOpen} onOpenChange={setOpen} />
    </>
  );
}

interface SendDialogProps {
  agent: string;
  comments: readonly Comment[];
  isOpen: boolean;
  onOpenChange(isOpen: boolean): void;
}

function SendDialog({ agent, comments, isOpen, onOpenChange }: SendDialogProps) {
  const navigate = useNavigate();
  const isBusy = useAgent(agent).data?.status === "ACTIVE";
  const [intro, setIntro] = useState("");
  const message = useMemo(
    () => [intro.trim(), messageOf(comments)].filter(Boolean).join("\n\n"),
    [intro, comments],
  );
  const sending = useMutation({
    mutationFn: (whenBusy: "queue" | "steer") => {
      const body: CreateRun = { prompt: { text: message }, whenBusy };
      return call("POST", `/v1/agents/${agent}/runs`, { body });
    },
    onSuccess: () => {
      clearComments(agent);
      onOpenChange(false);
      void queryClient.invalidateQueries({ queryKey: ["agent", agent] });
      navigate(`/agents/${agent}`);
    },
  });
  const footer = (
    <>
      {isBusy && (
        <Button isDisabled={sending.isPending} onPress={() => sending.mutate("steer")}>
          Send into the current run
        </Button>
      )}
      <Button
        variant="primary"
        icon={<Send />}
        isPending={sending.isPending}
        onPress={() => sending.mutate("queue")}
      >
        {isBusy ? "Send after the current run" : "Send to the agent"}
      </Button>
    </>
  );
  return (
    <Dialog
      isOpen={isOpen}
      onOpenChange={onOpenChange}
      title={`Send ${plural(comments.length, "comment")} to the agent`}
      size="l"
      footer={footer}
    >
      <div className={styles.body}>
        {sending.isError && <Banner tone="red">{explain(sending.error).message}</Banner>}
        <TextArea
          label="Anything to say first (optional)"
          rows={2}
          value={intro}
          onChange={setIntro}
        />
        <ul className={styles.list}>
          {comments.map((comment) => (
            <li key={comment.id} className={styles.item}>
              <div className={styles.what}>
                <code className={styles.place}>{placeText(comment.place)}</code>
                <p className={styles.text}>{comment.text}</p>
              </div>
              <IconButton
                size="s"
                label="Delete the comment"
                icon={<Trash2 />}
                onPress={() => removeComment(agent, comment.id)}
              />
            </li>
          ))}
        </ul>
        <details className={styles.details}>
          <summary>The message, word for word</summary>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: long text must scroll by keyboard */}
          <pre className={styles.message} tabIndex={0}>
            {message}
          </pre>
        </details>
      </div>
    </Dialog>
  );
}
