import { useMutation } from "@tanstack/react-query";
import { RefreshCw, Trash2 } from "lucide-react";
import { useState } from "react";
import { api, unwrap } from "../../api/client";
import { explain } from "../../api/errors";
import { queryClient } from "../../api/queries";
import { Button, IconButton } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { Banner } from "../../ui/ErrorState";
import { Time } from "../../ui/Time";
import styles from "../Settings.module.css";
import { Asking } from "./Asking";
import own from "./Forges.module.css";
import { FORGES, type ForgeBody, KINDS } from "./queries";

interface ConnectionsProps {
  forges: readonly ForgeBody[];
  admin: boolean;
  onSaid(words: string): void;
}

/** The connected hosts: checked again, or forgotten. */
export function Connections({ forges, admin, onSaid }: ConnectionsProps) {
  const [going, setGoing] = useState<ForgeBody>();
  const refresh = () => queryClient.invalidateQueries({ queryKey: FORGES });
  const check = useMutation({
    mutationFn: (id: string) =>
      unwrap(api.POST("/v1/forges/{id}/check", { params: { path: { id } } })),
    onSuccess: (forge) => {
      onSaid(`${forge.url} still knows the credential as ${forge.login}.`);
      return refresh();
    },
  });
  const forget = useMutation({
    mutationFn: (id: string) => unwrap(api.DELETE("/v1/forges/{id}", { params: { path: { id } } })),
    onSuccess: () => {
      onSaid("The host is disconnected.");
      setGoing(undefined);
      return refresh();
    },
  });
  if (forges.length === 0) return <p className={styles.muted}>No host is connected.</p>;
  return (
    <>
      <ul className={styles.keys}>
        {forges.map((forge) => (
          <li key={forge.id} className={own.forge}>
            <div className={styles.key}>
              <span className={styles.keyName}>{forge.url}</span>
              <span className={styles.muted}>
                {KINDS[forge.kind] ?? forge.kind} as <code>{forge.login}</code>
                {forge.credential === "app" && " (an App)"}, checked <Time at={forge.checkedAt} />
              </span>
              {admin && (
                <>
                  <IconButton
                    label={`Check ${forge.url}`}
                    icon={<RefreshCw />}
                    isDisabled={check.isPending}
                    onPress={() => check.mutate(forge.id)}
                  />
                  <IconButton
                    label={`Disconnect ${forge.url}`}
                    icon={<Trash2 />}
                    onPress={() => setGoing(forge)}
                  />
                </>
              )}
            </div>
            {admin && <Asking forge={forge} />}
          </li>
        ))}
      </ul>
      {check.isError && <Banner tone="red">{explain(check.error).message}</Banner>}
      <Dialog
        role="alertdialog"
        size="s"
        isOpen={going !== undefined}
        onOpenChange={() => setGoing(undefined)}
        title={`Disconnect ${going?.url ?? ""}?`}
        footer={
          <>
            <Button onPress={() => setGoing(undefined)}>Keep it</Button>
            <Button
              variant="danger"
              isPending={forget.isPending}
              onPress={() => going !== undefined && forget.mutate(going.id)}
            >
              Disconnect
            </Button>
          </>
        }
      >
        <p>
          The credential is removed at once. Agents on its repositories can then neither fetch nor
          push, unless the host lets everybody in.
        </p>
        {forget.isError && <Banner tone="red">{explain(forget.error).message}</Banner>}
      </Dialog>
    </>
  );
}
