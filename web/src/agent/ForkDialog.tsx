import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import { api, unwrap } from "../api/client";
import { explain } from "../api/errors";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { Banner } from "../ui/ErrorState";
import { TextArea } from "../ui/Field";

interface ForkProps {
  agent: string;
  /** The run behind which the new agent goes on; the newest one where it is left out. */
  run?: string | undefined;
  isOpen: boolean;
  onClose(): void;
}

/** Starts a new agent that goes on where this one was. */
export function ForkDialog({ agent, run, isOpen, onClose }: ForkProps) {
  const navigate = useNavigate();
  const [text, setText] = useState("");
  // One fork however often it is sent, until it is closed.
  const [key, setKey] = useState(() => crypto.randomUUID());
  const fork = useMutation({
    mutationFn: () =>
      unwrap(
        api.POST("/v1/agents/{id}/forks", {
          params: { path: { id: agent } },
          headers: { "Idempotency-Key": key },
          body: { prompt: { text: text.trim() }, ...(run !== undefined && { runId: run }) },
        }),
      ),
    onSuccess: ({ agent: { id } }) => {
      close();
      void navigate(`/agents/${id}`);
    },
  });
  const close = () => {
    fork.reset();
    setText("");
    setKey(crypto.randomUUID());
    onClose();
  };
  return (
    <Dialog
      isOpen={isOpen}
      onOpenChange={close}
      title="Fork this agent"
      footer={
        <>
          <Button onPress={close}>Cancel</Button>
          <Button
            variant="primary"
            isDisabled={text.trim() === ""}
            isPending={fork.isPending}
            onPress={() => fork.mutate()}
          >
            Start the new agent
          </Button>
        </>
      }
    >
      <p>
        A new agent goes on from {run === undefined ? "here" : "the end of this run"}: the same
        files, the same conversation so far, a branch of its own. This one stays as it is; its
        machine rests for a moment.
      </p>
      <TextArea label="What shall the new agent do?" value={text} onChange={setText} />
      {fork.isError && <Banner tone="red">{explain(fork.error).message}</Banner>}
    </Dialog>
  );
}
