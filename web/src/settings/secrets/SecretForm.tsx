import { type FormEvent, useState } from "react";
import type { SecretBody } from "../../api/types";
import { RepositoryChips } from "../../home/RepositoryChips";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { Banner } from "../../ui/ErrorState";
import { Checkbox, Select, TextArea, TextField } from "../../ui/Field";
import rows from "../Rows.module.css";
import { usePut } from "./queries";
import styles from "./Secrets.module.css";
import {
  bodyOf,
  type Draft,
  draftOf,
  meaningOf,
  type OwnerId,
  PLACES,
  type Place,
  refusalOf,
  WHATS,
  type What,
} from "./secrets";

interface SecretFormProps {
  owner: { id: OwnerId; title: string };
  /** The one that gets another value; none: a new one. */
  known?: SecretBody | undefined;
  onClose(): void;
}

/** Adds a secret, or replaces one. What is typed as its value is never shown and kept nowhere. */
export function SecretForm({ owner, known, onClose }: SecretFormProps) {
  const [draft, setDraft] = useState<Draft>(() => draftOf(known));
  const put = usePut();
  const set = (change: Partial<Draft>) => setDraft((before) => ({ ...before, ...change }));
  const isReady = draft.name.trim() !== "" && draft.value !== "";
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!isReady || put.isPending) return;
    const id = known === undefined ? {} : { id: known.id };
    put.mutate(
      { owner: owner.id, name: draft.name.trim(), ...id, body: bodyOf(draft) },
      { onSuccess: onClose },
    );
  };
  return (
    <Dialog
      isOpen
      onOpenChange={onClose}
      title={known === undefined ? `Add a secret: ${owner.title}` : `Replace ${known.name}`}
      footer={
        <>
          <Button onPress={onClose}>Cancel</Button>
          <Button
            type="submit"
            form="secret"
            variant="primary"
            isDisabled={!isReady}
            isPending={put.isPending}
          >
            {known === undefined ? "Add it" : "Replace it"}
          </Button>
        </>
      }
    >
      <form id="secret" className={rows.form} onSubmit={submit}>
        {known === undefined && (
          <TextField
            label="Name"
            mono
            maxLength={255}
            placeholder="NPM_TOKEN"
            value={draft.name}
            onChange={(name) => set({ name })}
          />
        )}
        <TextField
          label={known === undefined ? "Value" : "New value"}
          type="password"
          autoComplete="new-password"
          description="It cannot be looked at again. One of several lines is set with errand secret set --value-file."
          value={draft.value}
          onChange={(value) => set({ value })}
        />
        <Select
          label="What becomes of it"
          choices={WHATS}
          value={draft.what}
          onChange={(what) => set({ what: what as What })}
        />
        <Banner tone={draft.what === "plain" ? "amber" : "neutral"}>{meaningOf(draft.what)}</Banner>
        {(draft.what === "grant" || draft.what === "build") && (
          <Reach hosts={draft.hosts} places={draft.places} onChange={set} />
        )}
        <div>
          <p className={rows.label}>Only for agents of these repositories</p>
          <RepositoryChips
            repositories={draft.repositories.map((url) => ({ url, ref: "" }))}
            onChange={(all) => set({ repositories: all.map(({ url }) => url) })}
          />
        </div>
        {put.isError && <Banner tone="red">{refusalOf(put.error)}</Banner>}
      </form>
    </Dialog>
  );
}

interface ReachProps {
  hosts: string;
  places: readonly Place[];
  onChange(change: Partial<Draft>): void;
}

/** Who is given a grant's value, and where in a request. */
function Reach({ hosts, places, onChange }: ReachProps) {
  const turn = (place: Place, isOn: boolean) =>
    onChange({ places: isOn ? [...places, place] : places.filter((known) => known !== place) });
  return (
    <>
      <TextArea
        label="Hosts that are given the value"
        mono
        rows={2}
        placeholder="api.example.com"
        description="One on a line; *.example.com for those below. For well-known names such as NPM_TOKEN they are known."
        value={hosts}
        onChange={(typed) => onChange({ hosts: typed })}
      />
      <fieldset className={styles.places}>
        <legend className={rows.label}>Where in a request to them</legend>
        {PLACES.map(({ id, label }) => (
          <Checkbox key={id} isSelected={places.includes(id)} onChange={(isOn) => turn(id, isOn)}>
            {label}
          </Checkbox>
        ))}
      </fieldset>
    </>
  );
}
