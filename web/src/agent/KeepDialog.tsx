import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { api, unwrap } from "../api/client";
import { explain } from "../api/errors";
import { repositoryName } from "../api/status";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { Banner } from "../ui/ErrorState";
import { Checkbox } from "../ui/Field";
import { useHead } from "./useTimeline";

interface KeepProps {
  agent: string;
  /** Addresses of its repositories. */
  repos: readonly string[];
  isOpen: boolean;
  onClose(): void;
}

/** Asks before everybody's new agents begin with what is in this machine. */
export function KeepDialog({ agent, repos, isOpen, onClose }: KeepProps) {
  const { active } = useHead();
  const [withSecrets, setWithSecrets] = useState(false);
  const keep = useMutation({
    mutationFn: () =>
      unwrap(
        api.POST("/v1/agents/{id}/snapshot", {
          params: { path: { id: agent } },
          body: { withSecrets },
        }),
      ),
    onSuccess: onClose,
  });
  const close = () => {
    keep.reset();
    onClose();
  };
  const names = repos.map(repositoryName).join(", ");
  return (
    <Dialog
      role="alertdialog"
      isOpen={isOpen}
      onOpenChange={close}
      title="Keep this machine for new agents?"
      footer={
        <>
          <Button onPress={close}>Leave it</Button>
          <Button variant="primary" isPending={keep.isPending} onPress={() => keep.mutate()}>
            Keep the machine
          </Button>
        </>
      }
    >
      <p>
        All new agents of {names}, whoever starts them, will begin with what is in it: programs that
        were installed, files beside the repository, what lies in the home folder.{" "}
        <b>Take keys and passwords out first.</b>
      </p>
      <p>
        {active === undefined
          ? "The machine is stopped for it and wakes with your next message."
          : "That is done once the run is over. The machine is then stopped, and wakes with your next message."}{" "}
        This agent goes on as it is.
      </p>
      <Checkbox isSelected={withSecrets} onChange={setWithSecrets}>
        Keep it even if files hold values of this agent&rsquo;s secret variables
      </Checkbox>
      {keep.isError && <Banner tone="red">{explain(keep.error).message}</Banner>}
    </Dialog>
  );
}
