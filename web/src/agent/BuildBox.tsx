import { Square } from "lucide-react";
import { Link } from "react-router";
import { explain } from "../api/errors";
import { Button } from "../ui/Button";
import { Banner } from "../ui/ErrorState";
import styles from "./ConversationPage.module.css";
import { useCancel } from "./composer/useCancel";
import { useHead } from "./useTimeline";

/** Stands where messages are written: a build takes none. */
export function BuildBox() {
  const { active } = useHead();
  const stop = useCancel();
  const isStopping = active?.cancelling === true || stop.isPending;
  return (
    <div className={styles.build}>
      <p>
        This is a build. It prepares a machine that new agents begin with, and takes no messages.{" "}
        <Link to="/settings/environments">All builds</Link>
      </p>
      {active !== undefined && (
        <Button
          id="stop-run"
          icon={<Square />}
          isDisabled={isStopping}
          onPress={() => stop.mutate(active.run)}
        >
          {isStopping ? "Stopping" : "Stop"}
        </Button>
      )}
      {stop.isError && <Banner tone="red">{explain(stop.error).message}</Banner>}
    </div>
  );
}
