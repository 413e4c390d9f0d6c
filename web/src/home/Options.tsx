import { Plus, X } from "lucide-react";
import type { ReactNode } from "react";
import { Button, IconButton } from "../ui/Button";
import { Checkbox, TextField } from "../ui/Field";
import type { Launch, LimitsDraft, ProblemField } from "./launch";
import { ModelParameters, useModel } from "./ModelField";
import styles from "./Options.module.css";
import { WhatHolds } from "./WhatHolds";

interface OptionsProps {
  launch: Launch;
  edit(part: Partial<Launch>): void;
  problems: Partial<Record<ProblemField, string>>;
}

/** Everything about a launch that most errands leave alone. */
export function Options({ launch, edit, problems }: OptionsProps) {
  return (
    <div className={styles.options}>
      <Group title="Name and branch">
        <div className={styles.pair}>
          <TextField
            label="Name"
            placeholder="Made from the task"
            maxLength={100}
            value={launch.name}
            onChange={(name) => edit({ name })}
          />
          <TextField
            label="Branch"
            placeholder="errand/…"
            mono
            isDisabled={launch.workOnCurrentBranch}
            value={launch.branchName}
            onChange={(branchName) => edit({ branchName })}
          />
        </div>
        <Checkbox
          isSelected={launch.autoCreatePR}
          onChange={(autoCreatePR) => edit({ autoCreatePR })}
        >
          Open a pull request with the result
        </Checkbox>
        <Checkbox
          isSelected={launch.workOnCurrentBranch}
          onChange={(workOnCurrentBranch) => edit({ workOnCurrentBranch })}
        >
          Work on the starting branch itself, not on one of its own
        </Checkbox>
        <Problem text={problems.branch} />
      </Group>
      <ModelGroup launch={launch} edit={edit} />
      <Group title="Variables">
        <p className={styles.note}>
          The agent's machine sees them as environment variables. Values are sealed on the server
          and never shown again.
        </p>
        <Variables launch={launch} edit={edit} />
        <Problem text={problems.variables} />
      </Group>
      <Group title="Limits of each run">
        <Limits limits={launch.limits} onChange={(limits) => edit({ limits })} />
        <Problem text={problems.limits} />
      </Group>
      <Group title="What holds for this agent">
        <WhatHolds />
      </Group>
    </div>
  );
}

function ModelGroup({ launch, edit }: Omit<OptionsProps, "problems">) {
  const parameters = useModel(launch).model?.parameters ?? [];
  if (parameters.length === 0) return null;
  return (
    <Group title="Model">
      <div className={styles.limits}>
        <ModelParameters launch={launch} edit={edit} />
      </div>
    </Group>
  );
}

function Group({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className={styles.group}>
      <h3>{title}</h3>
      {children}
    </section>
  );
}

function Problem({ text }: { text: string | undefined }) {
  return (
    <p className={styles.problem} role="status">
      {text}
    </p>
  );
}

function Variables({ launch, edit }: Omit<OptionsProps, "problems">) {
  const { variables } = launch;
  const set = (index: number, part: Partial<(typeof variables)[number]>) => {
    const old = variables[index];
    if (old !== undefined) edit({ variables: variables.with(index, { ...old, ...part }) });
  };
  return (
    <>
      {variables.map((variable, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: rows are edited in place
        <div key={index} className={styles.variable}>
          <TextField
            label={`Name of variable ${index + 1}`}
            hideLabel
            placeholder="NAME"
            mono
            value={variable.name}
            onChange={(name) => set(index, { name })}
          />
          <TextField
            label={`Value of variable ${index + 1}`}
            hideLabel
            placeholder="value"
            type="password"
            mono
            autoComplete="off"
            value={variable.value}
            onChange={(value) => set(index, { value })}
          />
          <IconButton
            label={`Remove variable ${index + 1}`}
            icon={<X />}
            onPress={() => edit({ variables: variables.toSpliced(index, 1) })}
          />
        </div>
      ))}
      <span>
        <Button
          size="s"
          icon={<Plus />}
          onPress={() => edit({ variables: [...variables, { name: "", value: "" }] })}
        >
          Add a variable
        </Button>
      </span>
    </>
  );
}

const LIMITS: readonly { id: keyof LimitsDraft; label: string }[] = [
  { id: "minutes", label: "Minutes" },
  { id: "dollars", label: "Dollars" },
  { id: "steps", label: "Steps" },
  { id: "tokens", label: "Tokens" },
];

function Limits({
  limits,
  onChange,
}: {
  limits: LimitsDraft;
  onChange(limits: LimitsDraft): void;
}) {
  return (
    <div className={styles.limits}>
      {LIMITS.map(({ id, label }) => (
        <TextField
          key={id}
          label={label}
          type="number"
          placeholder="default"
          value={limits[id]}
          onChange={(value) => onChange({ ...limits, [id]: value })}
        />
      ))}
    </div>
  );
}
