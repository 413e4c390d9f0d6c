import { useMutation } from "@tanstack/react-query";
import { ExternalLink, Network } from "lucide-react";
import { useState } from "react";
import { Link } from "react-aria-components";
import { call } from "../api/client";
import { explain } from "../api/errors";
import { visible } from "../diff/segments";
import { Button } from "../ui/Button";
import button from "../ui/Button.module.css";
import { cx } from "../ui/cx";
import { Dialog } from "../ui/Dialog";
import { EmptyState } from "../ui/EmptyState";
import { Banner, ErrorState } from "../ui/ErrorState";
import { Skeleton } from "../ui/Skeleton";
import styles from "./PortsPage.module.css";
import { machinePath, type Port, usePorts } from "./queries";

/** Programs inside that listen, and previews of them. */
export function PortsPage({ agent }: { agent: string }) {
  const ports = usePorts(agent);
  const [chosen, setChosen] = useState<Listening>();
  if (ports.isPending) {
    return (
      <div className={styles.page}>
        <Skeleton height={56} radius={8} />
        <Skeleton height={56} radius={8} />
      </div>
    );
  }
  if (ports.isError) {
    return (
      <ErrorState
        title="Could not list the ports"
        error={ports.error}
        onRetry={() => void ports.refetch()}
      />
    );
  }
  const all = byNumber(ports.data);
  const named = all.filter((port) => port.process || port.name);
  const unnamed = all.filter((port) => !port.process && !port.name);
  return (
    <div className={styles.page}>
      {named.length > 0 ? (
        <PortList ports={named} onOpen={setChosen} />
      ) : (
        <EmptyState icon={<Network aria-hidden="true" />} title="Nothing listens yet">
          When the agent, or you in a terminal, starts a web server, it appears here and can be
          looked at in a tab of your browser.
        </EmptyState>
      )}
      {unnamed.length > 0 && (
        <details className={styles.others}>
          <summary>Ports of the system</summary>
          <PortList ports={unnamed} onOpen={setChosen} />
        </details>
      )}
      {chosen && <PreviewDialog agent={agent} port={chosen} onClose={() => setChosen(undefined)} />}
    </div>
  );
}

/** A port, with every address it is bound to. */
interface Listening extends Omit<Port, "address"> {
  addresses: string[];
}

function byNumber(ports: readonly Port[]): Listening[] {
  const found = new Map<number, Listening>();
  for (const { port, address, name, process } of ports) {
    const known = found.get(port);
    found.set(port, {
      port,
      name: known?.name ?? name ?? null,
      process: known?.process ?? process ?? null,
      addresses: [...(known?.addresses ?? []), address],
    });
  }
  return [...found.values()].sort((a, b) => a.port - b.port);
}

interface PortListProps {
  ports: readonly Listening[];
  onOpen(port: Listening): void;
}

function PortList({ ports, onOpen }: PortListProps) {
  return (
    <ul className={styles.list}>
      {ports.map((port) => (
        <li key={port.port} className={styles.item}>
          <span className={styles.port}>{port.port}</span>
          <span className={styles.what}>
            <span className={styles.process}>
              {port.name && `${visible(port.name)}: `}
              {port.process ? visible(port.process) : "A program that cannot be seen from here"}
            </span>
            <span className={styles.address}>
              listens on {port.addresses.map(visible).join(" and ")}
            </span>
          </span>
          <Button size="s" icon={<ExternalLink />} onPress={() => onOpen(port)}>
            Open preview
          </Button>
        </li>
      ))}
    </ul>
  );
}

interface PreviewDialogProps {
  agent: string;
  port: Listening;
  onClose(): void;
}

function PreviewDialog({ agent, port, onClose }: PreviewDialogProps) {
  const preview = useMutation({
    mutationFn: () =>
      call<{ url: string; expiresAt: string }>("POST", machinePath(agent, "previews"), {
        body: { port: port.port },
      }),
  });
  const url = preview.data?.url;
  return (
    <Dialog
      isOpen
      onOpenChange={(isOpen) => !isOpen && onClose()}
      title={`Preview of port ${port.port}`}
      size="s"
      footer={
        url === undefined ? (
          <>
            <Button onPress={onClose}>Cancel</Button>
            <Button
              variant="primary"
              isPending={preview.isPending}
              onPress={() => preview.mutate()}
            >
              I understand
            </Button>
          </>
        ) : (
          <Link
            className={cx(button.button, button.primary)}
            href={url}
            target="_blank"
            rel="noopener noreferrer"
            autoFocus
            onPress={onClose}
          >
            <ExternalLink aria-hidden="true" /> Open in a new tab
          </Link>
        )
      }
    >
      <div className={styles.warning}>
        {preview.isError && <Banner tone="red">{explain(preview.error).message}</Banner>}
        <p>
          This page is made by programs of the agent, not by Errand. It can look like anything: type
          no passwords and no keys into it.
        </p>
        <p>It opens under an address of its own and cannot see your Errand session.</p>
        {url !== undefined && <code className={styles.url}>{new URL(url).host}</code>}
      </div>
    </Dialog>
  );
}
