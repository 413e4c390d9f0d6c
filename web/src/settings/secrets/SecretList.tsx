import { KeyRound, Pencil, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { Link } from "react-router";
import { explain } from "../../api/errors";
import { useSession } from "../../api/queries";
import type { SecretBody } from "../../api/types";
import { Button, IconButton } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { EmptyState } from "../../ui/EmptyState";
import { Banner } from "../../ui/ErrorState";
import { Time } from "../../ui/Time";
import { visibleBidi } from "../../ui/untrusted";
import { namesOf } from "../builds/builds";
import rows from "../Rows.module.css";
import { useRemove } from "./queries";
import { SecretForm } from "./SecretForm";
import { type OwnerId, summaryOf } from "./secrets";

interface SecretListProps {
  owner: { id: OwnerId; title: string; isForEverybody: boolean };
  secrets: readonly SecretBody[];
}

/** The secrets of one owner. */
export function SecretList({ owner, secrets }: SecretListProps) {
  const admin = useSession().data?.admin ?? false;
  const mayChange = admin || !owner.isForEverybody;
  const [written, write] = useState<SecretBody | "new">();
  const [going, setGoing] = useState<SecretBody>();
  const add = mayChange && (
    <Button icon={<Plus />} onPress={() => write("new")}>
      Add a secret
    </Button>
  );
  return (
    <>
      {secrets.length === 0 ? (
        <EmptyState icon={<KeyRound aria-hidden="true" />} title="No secrets yet" actions={add} />
      ) : (
        <>
          <ul className={rows.list} aria-label={owner.title}>
            {secrets.map((secret) => (
              <Row
                key={secret.id}
                secret={secret}
                mayChange={mayChange}
                onReplace={() => write(secret)}
                onRemove={() => setGoing(secret)}
              />
            ))}
          </ul>
          <div>{add}</div>
        </>
      )}
      {written !== undefined && (
        <SecretForm
          owner={owner}
          known={written === "new" ? undefined : written}
          onClose={() => write(undefined)}
        />
      )}
      {going !== undefined && <Removal secret={going} onClose={() => setGoing(undefined)} />}
    </>
  );
}

interface RowProps {
  secret: SecretBody;
  mayChange: boolean;
  onReplace(): void;
  onRemove(): void;
}

function Row({ secret, mayChange, onReplace, onRemove }: RowProps) {
  const { name, repos, updatedAt, updatedBy } = secret;
  return (
    <li className={rows.line}>
      <div className={rows.what}>
        <code className={rows.name}>{name}</code>
        <span className={rows.facts}>
          <span>{summaryOf(secret)}</span>
          <span>
            {repos.length === 0
              ? "for all repositories"
              : `for ${namesOf(repos.map(({ url }) => url))}`}
          </span>
          <span>
            <Time at={updatedAt} /> by {updatedBy}
          </span>
          <Uses secret={secret} />
        </span>
      </div>
      {mayChange && (
        <span className={rows.actions}>
          <IconButton label={`Replace ${name}`} icon={<Pencil />} onPress={onReplace} />
          <IconButton label={`Remove ${name}`} icon={<Trash2 />} onPress={onRemove} />
        </span>
      )}
    </li>
  );
}

/** Where it was used last. */
function Uses({ secret: { lastUsedAt, uses = [] } }: { secret: SecretBody }) {
  if (!lastUsedAt) return <span>never used</span>;
  return (
    <span>
      used <Time at={lastUsedAt} /> by{" "}
      {uses.map(({ agentId, host }, at) => (
        <span key={`${agentId} ${host ?? ""}`}>
          {at > 0 && ", "}
          <Link to={`/agents/${agentId}/machine/network`}>{agentId.slice(0, 11)}</Link>
          {host ? ` for ${visibleBidi(host)}` : " in plain"}
        </span>
      ))}
    </span>
  );
}

function Removal({ secret, onClose }: { secret: SecretBody; onClose(): void }) {
  const remove = useRemove();
  return (
    <Dialog
      role="alertdialog"
      size="s"
      isOpen
      onOpenChange={onClose}
      title={`Remove ${secret.name}?`}
      footer={
        <>
          <Button onPress={onClose}>Keep it</Button>
          <Button
            variant="danger"
            isPending={remove.isPending}
            onPress={() => remove.mutate(secret, { onSuccess: onClose })}
          >
            Remove it
          </Button>
        </>
      }
    >
      <p>
        Agents have it no more from their next message on. What runs now, and what was written to a
        disk, keeps the value; if that matters, end it where it is from, too.
      </p>
      {remove.isError && <Banner tone="red">{explain(remove.error).message}</Banner>}
    </Dialog>
  );
}
