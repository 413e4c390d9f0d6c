import { useEffect, useState } from "react";
import { useModels, useRepositories } from "../api/queries";
import { repositoryName } from "../api/status";
import type { Settings, UpdateSettings } from "../api/types";
import { ErrorState } from "../ui/ErrorState";
import { Select, TextArea, TextField } from "../ui/Field";
import { Skeleton } from "../ui/Skeleton";
import { Saved } from "./Saved";
import { Section } from "./Section";
import { useSetting } from "./useSetting";

const NONE = "none";

/** What agents get that name nothing else. */
export default function DefaultsPage() {
  const { settings, admin, mutation, save } = useSetting();
  if (settings.isError) {
    return (
      <ErrorState
        title="Could not load the settings"
        error={settings.error}
        onRetry={() => settings.refetch()}
      />
    );
  }
  return (
    <>
      <Section
        title="Defaults"
        description="What an agent gets that names nothing else. Changes are saved at once and hold for new agents."
      >
        {settings.data === undefined ? (
          <FormSkeleton />
        ) : (
          <Form settings={settings.data} disabled={!admin} save={save} />
        )}
      </Section>
      <Section
        title="Retention"
        description="Conversations stay until somebody deletes them, unless you set a time for archived ones."
      >
        {settings.data === undefined ? (
          <FormSkeleton />
        ) : (
          <Retention settings={settings.data} disabled={!admin} save={save} />
        )}
      </Section>
      <Saved mutation={mutation} />
    </>
  );
}

interface FormProps {
  settings: Settings;
  disabled: boolean;
  save(change: UpdateSettings): void;
}

function Form({ settings, disabled, save }: FormProps) {
  const models = useModels().data ?? [];
  const repositories = useRepositories().data ?? [];
  const known = repositories.map(({ url }) => url);
  const current = settings.defaultRepository;
  const urls = current != null && !known.includes(current) ? [current, ...known] : known;
  return (
    <>
      <Select
        label="Model"
        description="Used when an agent names none."
        isDisabled={disabled}
        choices={[
          { id: NONE, label: "The server's own choice" },
          ...models.map(({ id, displayName }) => ({ id, label: displayName })),
        ]}
        value={settings.defaultModel?.id ?? NONE}
        onChange={(id) => save({ defaultModel: id === NONE ? null : { id } })}
      />
      <Select
        label="Repository"
        description="Filled in when you write an errand. With none, you are asked."
        isDisabled={disabled}
        choices={[
          { id: NONE, label: "None: ask each time" },
          ...urls.map((url) => ({ id: url, label: repositoryName(url), description: url })),
        ]}
        value={current ?? NONE}
        onChange={(id) => save({ defaultRepository: id === NONE ? null : id })}
      />
      <SavedField
        label="Base branch"
        description="Where agents' branches fork off. Empty: the default branch of the repository."
        placeholder="default branch"
        mono
        disabled={disabled}
        value={settings.baseBranch ?? ""}
        onSave={(text) => save({ baseBranch: text === "" ? null : text })}
      />
      <SavedLines
        label="Startup commands"
        description="One per line. They run in the repository each time a machine comes up, before what its environment file asks for. Each may take two minutes."
        placeholder="git lfs pull"
        disabled={disabled}
        value={settings.startupCommands ?? []}
        onSave={(startupCommands) => save({ startupCommands })}
      />
    </>
  );
}

function Retention({ settings, disabled, save }: FormProps) {
  return (
    <SavedField
      label="Delete archived agents after this many days"
      description="Empty: never. Deleting an agent deletes its conversation, its machine's disk and its artifacts; branches already pushed stay."
      placeholder="never"
      number
      disabled={disabled}
      value={settings.retentionDays == null ? "" : String(settings.retentionDays)}
      onSave={(text) => save({ retentionDays: text === "" ? null : Number(text) })}
    />
  );
}

interface SavedFieldProps {
  label: string;
  description: string;
  placeholder: string;
  mono?: boolean;
  number?: boolean;
  disabled: boolean;
  value: string;
  onSave(text: string): void;
}

/** A text that is saved when it is left. */
function SavedField(props: SavedFieldProps) {
  const { value, onSave, number } = props;
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  const wrong = number === true && text.trim() !== "" && !/^[1-9]\d{0,4}$/.test(text.trim());
  const leave = () => {
    if (text.trim() !== value && !wrong) onSave(text.trim());
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        leave();
      }}
    >
      <TextField
        label={props.label}
        description={props.description}
        placeholder={props.placeholder}
        mono={props.mono ?? false}
        isDisabled={props.disabled}
        value={text}
        onChange={setText}
        onBlur={leave}
        error={wrong ? "Needs a whole number of days above 0, or nothing." : undefined}
      />
    </form>
  );
}

/** As the server takes them. */
const MOST_LINES = 20;
const LINE_CHARACTERS = 500;

interface SavedLinesProps {
  label: string;
  description: string;
  placeholder: string;
  disabled: boolean;
  value: readonly string[];
  onSave(lines: string[]): void;
}

/** Lines that are saved when they are left. */
function SavedLines(props: SavedLinesProps) {
  const saved = props.value.join("\n");
  const [text, setText] = useState(saved);
  useEffect(() => setText(saved), [saved]);
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const long = lines.findIndex((line) => line.length > LINE_CHARACTERS);
  const wrong =
    lines.length > MOST_LINES
      ? `Has ${lines.length} lines; at most ${MOST_LINES} fit.`
      : long >= 0
        ? `Line ${long + 1} is longer than ${LINE_CHARACTERS} characters: put it into a script.`
        : undefined;
  return (
    <TextArea
      label={props.label}
      description={props.description}
      placeholder={props.placeholder}
      mono
      rows={3}
      isDisabled={props.disabled}
      value={text}
      onChange={setText}
      onBlur={() => {
        if (wrong === undefined && lines.join("\n") !== saved) props.onSave(lines);
      }}
      error={wrong}
    />
  );
}

function FormSkeleton() {
  return (
    <>
      <Skeleton width={120} />
      <Skeleton height={32} radius={6} />
    </>
  );
}
