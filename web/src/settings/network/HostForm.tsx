import { Plus } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useRepositories } from "../../api/queries";
import { repositoryName } from "../../api/status";
import type { AllowedHost } from "../../api/types";
import { Button } from "../../ui/Button";
import { Select, TextField } from "../../ui/Field";
import rows from "../Rows.module.css";
import { useSetting } from "../useSetting";
import { refusalOf } from "./network";

const ALL = "all";

interface HostFormProps {
  /** Those that are named already. */
  hosts: AllowedHost[];
}

/** Names one more host; what is refused stays to be mended. */
export function HostForm({ hosts }: HostFormProps) {
  const { mutation, save } = useSetting();
  const repositories = useRepositories().data ?? [];
  const [entry, setEntry] = useState("");
  const [repository, setRepository] = useState(ALL);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (entry.trim() === "") return;
    const host = { entry: entry.trim(), ...(repository !== ALL && { repository }) };
    save({ allowedHosts: [...hosts, host] }, { onSuccess: () => setEntry("") });
  };
  return (
    <form className={rows.form} onSubmit={submit}>
      <TextField
        label="Host"
        mono
        maxLength={1024}
        placeholder="api.example.com"
        description="*.example.com for those below, db.example.com:5432 for another port, GET https://api.example.com/v1/* for less than all."
        error={mutation.isError ? refusalOf(mutation.error) : undefined}
        value={entry}
        onChange={(text) => {
          mutation.reset();
          setEntry(text);
        }}
      />
      <Select
        label="For agents of"
        choices={[
          { id: ALL, label: "All repositories" },
          ...repositories.map(({ url }) => ({
            id: url,
            label: repositoryName(url),
            description: url,
          })),
        ]}
        value={repository}
        onChange={setRepository}
      />
      <div>
        <Button
          type="submit"
          icon={<Plus />}
          isDisabled={entry.trim() === "" || mutation.isPending}
        >
          Add the host
        </Button>
      </div>
    </form>
  );
}
