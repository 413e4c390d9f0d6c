import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, unwrap } from "../../api/client";
import { queryClient } from "../../api/queries";
import { Button } from "../../ui/Button";
import { Checkbox, TextField } from "../../ui/Field";
import { Saved } from "../Saved";
import styles from "../Settings.module.css";
import { draftOf, triggersOf } from "./draft";
import { FORGES, type ForgeBody } from "./queries";

/** By which words agents are asked at a host, and what they do unasked. */
export function Triggers({ forge }: { forge: ForgeBody }) {
  const [draft, setDraft] = useState(() => draftOf(forge.triggers));
  const save = useMutation({
    mutationFn: () => {
      const params = { path: { id: forge.id } };
      return unwrap(api.PUT("/v1/forges/{id}/triggers", { params, body: triggersOf(draft) }));
    },
    onSuccess: (saved) => {
      setDraft(draftOf(saved.triggers));
      return queryClient.invalidateQueries({ queryKey: FORGES, exact: true });
    },
  });
  const write = (part: Partial<typeof draft>) => setDraft({ ...draft, ...part });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!save.isPending) save.mutate();
  };
  return (
    <form className={styles.stacked} onSubmit={submit}>
      <TextField
        label="Name"
        description="By which agents are asked in comments, as @name."
        mono
        value={draft.name}
        onChange={(name) => write({ name })}
      />
      <TextField
        label="Labels"
        description="Each gives an issue to an agent. With commas between; empty: labels give none."
        value={draft.labels}
        onChange={(labels) => write({ labels })}
      />
      <TextField
        label="Other programs"
        description="Logins that are not listened to. With commas between."
        mono
        value={draft.bots}
        onChange={(bots) => write({ bots })}
      />
      <Checkbox isSelected={draft.autofix} onChange={(autofix) => write({ autofix })}>
        Mend failing checks of agents' pull requests
      </Checkbox>
      <Checkbox isSelected={draft.reviews} onChange={(reviews) => write({ reviews })}>
        Take a review that wants changes as asked for, without the name
      </Checkbox>
      <div>
        <Button type="submit" isDisabled={draft.name.trim() === ""} isPending={save.isPending}>
          Save
        </Button>
      </div>
      <Saved mutation={save} holds="from the next message on" />
    </form>
  );
}
