import { Trash2 } from "lucide-react";
import type { AllowedHost, NetworkBody } from "../../api/types";
import { IconButton } from "../../ui/Button";
import rows from "../Rows.module.css";
import { keyOf } from "./network";

interface HostListProps {
  network: NetworkBody;
  mayChange: boolean;
  onRemove(host: AllowedHost): void;
}

/** The operator's hosts, which stay, and those of the settings. */
export function HostList({ network: { floorHosts, hosts }, mayChange, onRemove }: HostListProps) {
  if (floorHosts.length + hosts.length === 0) return <p>None yet.</p>;
  return (
    <ul className={rows.list} aria-label="Hosts">
      {floorHosts.map((entry) => (
        <li key={entry} className={rows.line}>
          <What entry={entry} whose="of the operator, for all agents" />
        </li>
      ))}
      {hosts.map((host) => (
        <li key={keyOf(host)} className={rows.line}>
          <What
            entry={host.entry}
            whose={host.repository == null ? "for all agents" : `for agents of ${host.repository}`}
          />
          {mayChange && (
            <span className={rows.actions}>
              <IconButton
                label={`Remove ${host.entry}`}
                icon={<Trash2 />}
                onPress={() => onRemove(host)}
              />
            </span>
          )}
        </li>
      ))}
    </ul>
  );
}

function What({ entry, whose }: { entry: string; whose: string }) {
  return (
    <div className={rows.what}>
      <code className={rows.name}>{entry}</code>
      <span className={rows.facts}>{whose}</span>
    </div>
  );
}
