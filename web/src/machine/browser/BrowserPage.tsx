import { AppWindow, Play } from "lucide-react";
import { useState } from "react";
import { explain } from "../../api/errors";
import { Button, Spinner } from "../../ui/Button";
import { EmptyState } from "../../ui/EmptyState";
import { Banner, ErrorState } from "../../ui/ErrorState";
import { Skeleton } from "../../ui/Skeleton";
import styles from "./BrowserPage.module.css";
import { LiveBrowser } from "./LiveBrowser";
import { useBrowser, useStartBrowser } from "./queries";

/** The browser inside the machine: shown live, or how to have it. */
export default function BrowserPage({ agent }: { agent: string }) {
  const browser = useBrowser(agent);
  const start = useStartBrowser(agent);
  const [isMine, setMine] = useState(false);
  if (browser.isPending) {
    return (
      <div className={styles.loading}>
        <Skeleton width="30%" />
        <Skeleton width="70%" />
        <Skeleton height={240} radius={8} />
      </div>
    );
  }
  if (!browser.data) {
    return (
      <ErrorState
        title="Could not look for the browser"
        error={browser.error}
        onRetry={() => void browser.refetch()}
      />
    );
  }
  if (browser.data.running) return <LiveBrowser agent={agent} wantsControl={isMine} />;
  if (!browser.data.available) {
    return (
      <EmptyState icon={<AppWindow aria-hidden="true" />} title="This machine has no browser">
        Machines see the programs of the server they run on. Install Chromium there (on Debian:{" "}
        <code>apt install chromium</code>), and every machine has it at once. Until then, Ports
        shows what listens here in a tab of your own browser.
      </EmptyState>
    );
  }
  return (
    <EmptyState
      icon={<AppWindow aria-hidden="true" />}
      title="The browser is not running"
      actions={
        <Button
          variant="primary"
          icon={start.isPending ? <Spinner /> : <Play />}
          isDisabled={start.isPending}
          onPress={() => {
            setMine(true);
            start.mutate();
          }}
        >
          {start.isPending ? "Starting…" : "Start the browser"}
        </Button>
      }
    >
      {start.isError && <Banner tone="red">{explain(start.error).message}</Banner>}
      It runs inside the agent's machine, beside the agent: it opens what listens there, and of the
      outside only what the machine may reach. Everybody who may see this agent can look on.
    </EmptyState>
  );
}
