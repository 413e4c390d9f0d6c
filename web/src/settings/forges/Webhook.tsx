import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, unwrap } from "../../api/client";
import { explain } from "../../api/errors";
import { Button } from "../../ui/Button";
import { CopyButton } from "../../ui/CopyButton";
import { TextField } from "../../ui/Field";
import settings from "../Settings.module.css";
import styles from "./Forges.module.css";
import type { WebhookBody } from "./queries";

/** What is entered at the host so that it tells what happens there. */
export function Webhook({ forge }: { forge: string }) {
  const [repository, setRepository] = useState("");
  const show = useMutation({
    mutationFn: () => {
      const query = repository.trim() === "" ? {} : { repository: repository.trim() };
      const params = { path: { id: forge }, query };
      return unwrap(api.GET("/v1/forges/{id}/webhook", { params }));
    },
    // A secret is in no cache for longer than it is shown.
    gcTime: 0,
  });
  const write = (text: string) => {
    setRepository(text);
    show.reset();
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!show.isPending) show.mutate();
  };
  return (
    <section className={styles.part} aria-label="Webhook">
      <h3>Webhook</h3>
      <p className={settings.muted}>
        Enter it at the host, so that it tells what people ask for there.
      </p>
      <form className={settings.stacked} onSubmit={submit}>
        <TextField
          label="Repository"
          description="Such as owner/name. Empty: one for all repositories of the host."
          placeholder="all"
          mono
          value={repository}
          onChange={write}
          error={show.isError ? explain(show.error).message : undefined}
        />
        <div>
          <Button type="submit" isPending={show.isPending}>
            Show address and secret
          </Button>
        </div>
      </form>
      {show.data && <Shown webhook={show.data} />}
    </section>
  );
}

function Shown({ webhook }: { webhook: WebhookBody }) {
  const [isSeen, setSeen] = useState(false);
  return (
    <div className={styles.part}>
      <span>Address, with content type application/json</span>
      <Value text={webhook.url} label="Copy the address" />
      <span>Secret</span>
      <Value
        text={webhook.secret}
        label="Copy the secret"
        {...(!isSeen && { onReveal: () => setSeen(true) })}
      />
      <span>The host is to tell of</span>
      <ul className={styles.events} aria-label="Events">
        {webhook.events.map((event) => (
          <li key={event}>{event}</li>
        ))}
      </ul>
    </div>
  );
}

interface ValueProps {
  text: string;
  /** What is copied. */
  label: string;
  /** Asks for a value that is hidden. */
  onReveal?(): void;
}

function Value({ text, label, onReveal }: ValueProps) {
  return (
    <div className={styles.value}>
      <code>{onReveal ? "••••••••" : text}</code>
      {onReveal && (
        <Button size="s" onPress={onReveal}>
          Show the secret
        </Button>
      )}
      <CopyButton text={text} label={label} />
    </div>
  );
}
