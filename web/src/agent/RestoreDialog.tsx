import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { api, unwrap } from "../api/client";
import { explain } from "../api/errors";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { Banner } from "../ui/ErrorState";
import { Select } from "../ui/Field";
import { titleOf, useEndedRuns } from "./useRuns";

/** Puts the files back to how they were after a run. */
export function RestoreDialog(props: { agent: string; isOpen: boolean; onClose(): void }) {
  const { agent, isOpen, onClose } = props;
  const ended = useEndedRuns();
  const [chosen, setChosen] = useState<string>();
  // Where one stands is no place to go back to.
  const run = chosen ?? (ended[1] ?? ended[0])?.id;
  const restore = useMutation({
    mutationFn: (runId: string) =>
      unwrap(
        api.POST("/v1/agents/{id}/restores", { params: { path: { id: agent } }, body: { runId } }),
      ),
    onSuccess: () => close(),
  });
  const close = () => {
    restore.reset();
    setChosen(undefined);
    onClose();
  };
  return (
    <Dialog
      isOpen={isOpen}
      onOpenChange={close}
      title="Put the files back"
      footer={
        <>
          <Button onPress={close}>Cancel</Button>
          <Button
            variant="primary"
            isDisabled={run === undefined}
            isPending={restore.isPending}
            onPress={() => run !== undefined && restore.mutate(run)}
          >
            Put them back
          </Button>
        </>
      }
    >
      <p>
        The files become what they were at the end of a message. That is a commit on top of the
        branch: nothing that was pushed goes, and you can go back on it. What was not committed
        stays on the machine's disk.
      </p>
      {run === undefined ? (
        <p>There is nothing to go back to yet.</p>
      ) : (
        <Select
          label="As they were at the end of"
          choices={ended.map(({ id, ...rest }) => ({ id, label: titleOf({ id, ...rest }) }))}
          value={run}
          onChange={setChosen}
        />
      )}
      {restore.isError && <Banner tone="red">{explain(restore.error).message}</Banner>}
    </Dialog>
  );
}
