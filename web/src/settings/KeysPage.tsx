import { useMutation, useQuery } from "@tanstack/react-query";
import { Trash2 } from "lucide-react";
import { type FormEvent, useState } from "react";
import { api, unwrap } from "../api/client";
import { ApiError, explain } from "../api/errors";
import { queryClient } from "../api/queries";
import type { ApiKeyBody } from "../api/types";
import { Button, IconButton } from "../ui/Button";
import { CopyButton } from "../ui/CopyButton";
import { Dialog } from "../ui/Dialog";
import { EmptyState } from "../ui/EmptyState";
import { Banner, ErrorState } from "../ui/ErrorState";
import { TextField } from "../ui/Field";
import { Skeleton } from "../ui/Skeleton";
import { Time } from "../ui/Time";
import { Section } from "./Section";
import styles from "./Settings.module.css";

const KEYS = ["api-keys"];

/** Keys for people and programs: made, shown once, revoked. */
export default function KeysPage() {
  const keys = useQuery({
    queryKey: KEYS,
    queryFn: async () => (await unwrap(api.GET("/v1/api-keys"))).items,
  });
  const [made, setMade] = useState<ApiKeyBody>();
  if (keys.error instanceof ApiError && keys.error.status === 403) {
    return (
      <EmptyState title="Keys are managed by an administrator">
        Sign in with the installation's own key to make and revoke keys.
      </EmptyState>
    );
  }
  if (keys.isError) {
    return (
      <ErrorState
        title="Could not load the keys"
        error={keys.error}
        onRetry={() => keys.refetch()}
      />
    );
  }
  return (
    <>
      <Section
        title="Make a key"
        description="One for each person or program, so that each can be revoked alone. Whoever has a key can start agents and read what they do."
      >
        <MakeKey onMade={setMade} />
      </Section>
      <Section title="Keys">
        {keys.isPending ? <Skeleton width="60%" /> : <KeyList keys={keys.data} />}
      </Section>
      <MadeDialog made={made} onClose={() => setMade(undefined)} />
    </>
  );
}

function MakeKey({ onMade }: { onMade(key: ApiKeyBody): void }) {
  const [name, setName] = useState("");
  const make = useMutation({
    mutationFn: () => unwrap(api.POST("/v1/api-keys", { body: { name: name.trim() } })),
    onSuccess: (key) => {
      setName("");
      onMade(key);
      return queryClient.invalidateQueries({ queryKey: KEYS });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (name.trim() !== "" && !make.isPending) make.mutate();
  };
  return (
    <>
      <form className={styles.form} onSubmit={submit}>
        <TextField
          label="Who or what is it for?"
          placeholder="Ada's laptop"
          maxLength={100}
          value={name}
          onChange={setName}
        />
        <Button type="submit" isDisabled={name.trim() === ""} isPending={make.isPending}>
          Make the key
        </Button>
      </form>
      {make.isError && <Banner tone="red">{explain(make.error).message}</Banner>}
    </>
  );
}

function KeyList({ keys }: { keys: readonly ApiKeyBody[] }) {
  const [going, setGoing] = useState<ApiKeyBody>();
  const revoke = useMutation({
    mutationFn: (id: string) =>
      unwrap(api.DELETE("/v1/api-keys/{id}", { params: { path: { id } } })),
    onSuccess: () => {
      setGoing(undefined);
      return queryClient.invalidateQueries({ queryKey: KEYS });
    },
  });
  if (keys.length === 0) return <p className={styles.muted}>No keys but the first one.</p>;
  return (
    <>
      <ul className={styles.keys}>
        {keys.map((key) => (
          <li key={key.id} className={styles.key}>
            <span className={styles.keyName}>{key.name}</span>
            <span className={styles.muted}>
              made <Time at={key.createdAt} />
            </span>
            <IconButton
              label={`Revoke ${key.name}`}
              icon={<Trash2 />}
              onPress={() => setGoing(key)}
            />
          </li>
        ))}
      </ul>
      <Dialog
        role="alertdialog"
        size="s"
        isOpen={going !== undefined}
        onOpenChange={() => setGoing(undefined)}
        title={`Revoke “${going?.name ?? ""}”?`}
        footer={
          <>
            <Button onPress={() => setGoing(undefined)}>Keep it</Button>
            <Button
              variant="danger"
              isPending={revoke.isPending}
              onPress={() => going !== undefined && revoke.mutate(going.id)}
            >
              Revoke
            </Button>
          </>
        }
      >
        <p>It stops working at once, also in pages and programs that use it now.</p>
        {revoke.isError && <Banner tone="red">{explain(revoke.error).message}</Banner>}
      </Dialog>
    </>
  );
}

function MadeDialog({ made, onClose }: { made: ApiKeyBody | undefined; onClose(): void }) {
  const token = made?.token ?? "";
  return (
    <Dialog
      isOpen={made !== undefined}
      onOpenChange={onClose}
      title={`Key for “${made?.name ?? ""}”`}
      footer={
        <Button variant="primary" onPress={onClose}>
          I have kept it
        </Button>
      }
    >
      <p>Copy it now. It is shown this once and cannot be shown again.</p>
      <div className={styles.token}>
        <code>{token}</code>
        <CopyButton text={token} label="Copy the key" />
      </div>
    </Dialog>
  );
}
