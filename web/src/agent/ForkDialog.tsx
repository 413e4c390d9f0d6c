import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import { api, unwrap } from "../api/client";
import { explain } from "../api/errors";
import type { Run } from "../api/types";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { Banner } from "../ui/ErrorState";
import { Select, TextArea } from "../ui/Field";
import { titleOf, useEndedRuns } from "./useRuns";

/** Starts a new agent that goes on where this one is, or was after one of its runs. */
export function ForkDialog(props: { agent: string; isOpen: boolean; onClose(): void }) {
  const { agent, isOpen, onClose } = props;
  const navigate = useNavigate();
  const ended = useEndedRuns();
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState<string>();
  // One fork however often it is sent, until the window is closed.
  const [key, setKey] = useState(() => crypto.randomUUID());
  const run = chosen ?? ended[0]?.id;
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
    setChosen(undefined);
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
        A new agent goes on with the same files, the same conversation and a branch of its own. This
        one stays as it is; its machine rests for a moment.
      </p>
      {run !== undefined && ended.length > 1 && (
        <Select
          label="Go on from the end of"
          choices={ended.map(choice)}
          value={run}
          onChange={setChosen}
        />
      )}
      <TextArea label="What shall the new agent do?" value={text} onChange={setText} />
      {fork.isError && <Banner tone="red">{explain(fork.error).message}</Banner>}
    </Dialog>
  );
}

function choice(run: Run, index: number) {
  const newest = index === 0 && { description: "The newest run" };
  return { id: run.id, label: titleOf(run), ...newest };
}
