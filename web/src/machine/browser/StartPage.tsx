import { Compass, Network } from "lucide-react";
import { visible } from "../../diff/segments";
import { Button } from "../../ui/Button";
import { usePorts } from "../queries";
import styles from "./StartPage.module.css";

/** What an empty tab offers: programs of this machine that listen. */
export function StartPage({ agent, onOpen }: { agent: string; onOpen(port: number): void }) {
  const ports = usePorts(agent);
  const named = new Map<number, string>();
  for (const { port, process } of ports.data ?? []) {
    // The browser itself listens too, for the server.
    if (process && !/chrom/i.test(process)) named.set(port, process);
  }
  return (
    <div className={styles.page}>
      <Compass aria-hidden="true" className={styles.icon} />
      <p>
        {named.size > 0
          ? "Type an address above, or open what listens in this machine:"
          : "Type an address above. When a web server runs in this machine, it is offered here."}
      </p>
      {named.size > 0 && (
        <ul className={styles.ports}>
          {[...named].map(([port, process]) => (
            <li key={port}>
              <Button icon={<Network />} onPress={() => onOpen(port)}>
                {`Port ${port} · ${visible(process)}`}
              </Button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
