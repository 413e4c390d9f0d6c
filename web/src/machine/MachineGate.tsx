import { Loader, Moon, Power } from "lucide-react";
import type { ReactNode } from "react";
import { explain } from "../api/errors";
import { useAgent } from "../api/queries";
import { Button } from "../ui/Button";
import { EmptyState } from "../ui/EmptyState";
import { Banner, ErrorState } from "../ui/ErrorState";
import { Skeleton } from "../ui/Skeleton";
import styles from "./MachineGate.module.css";
import { useMachineState, useWake } from "./queries";

/** Shows what needs the machine while it is up; else where it stands, and how to wake it. */
export function MachineGate({ agent, children }: { agent: string; children: ReactNode }) {
  const state = useMachineState(agent);
  const found = useAgent(agent);
  const wake = useWake(agent);
  if (found.isError) {
    return (
      <ErrorState
        title="Could not look after the machine"
        error={found.error}
        onRetry={() => void found.refetch()}
      />
    );
  }
  if (state === undefined) {
    return (
      <div className={styles.loading}>
        <Skeleton width="40%" />
        <Skeleton width="65%" />
      </div>
    );
  }
  if (state === "up") return children;
  if (state === "starting" || wake.isPending) {
    return (
      <EmptyState icon={<Loader aria-hidden="true" />} title="The machine is getting ready">
        <span role="status">This usually takes a few seconds. The page goes on by itself.</span>
      </EmptyState>
    );
  }
  if (state === "stopping") {
    return (
      <EmptyState icon={<Moon aria-hidden="true" />} title="The machine is going to sleep">
        <span role="status">Its files are being saved. It can be woken in a moment.</span>
      </EmptyState>
    );
  }
  if (found.data?.status === "ARCHIVED") {
    return (
      <EmptyState icon={<Moon aria-hidden="true" />} title="This agent is archived">
        Take it out of the archive to wake its machine.
      </EmptyState>
    );
  }
  return (
    <EmptyState
      icon={<Moon aria-hidden="true" />}
      title="The machine is asleep"
      actions={
        <Button variant="primary" icon={<Power />} onPress={() => wake.mutate()}>
          Wake the machine
        </Button>
      }
    >
      {wake.isError && <Banner tone="red">{explain(wake.error).message}</Banner>}
      It sleeps when nothing happens in it, and costs nothing then. Its files are kept. Waking it
      sends no message to the agent.
    </EmptyState>
  );
}
