import { useModels, useSettings } from "../api/queries";
import { Select } from "../ui/Field";
import type { Launch } from "./launch";

const DEFAULT = "default";

interface ModelFieldProps {
  launch: Launch;
  edit(part: Partial<Launch>): void;
}

/** The model and what can be chosen about it. */
export function ModelField({ launch, edit }: ModelFieldProps) {
  const models = useModels().data ?? [];
  const chosenDefault = useSettings().data?.defaultModel?.id;
  const standard =
    models.find(({ id }) => id === chosenDefault) ?? models.find(({ isDefault }) => isDefault);
  const model = models.find(({ id }) => id === launch.modelId);
  const choices = [
    {
      id: DEFAULT,
      label: standard?.displayName ?? "Default model",
      description: "The default of this server",
    },
    ...models
      .filter(({ id }) => id !== standard?.id)
      .map(({ id, displayName, description }) => ({
        id,
        label: displayName,
        ...(description != null && { description }),
      })),
  ];
  return (
    <>
      <Select
        label="Model"
        hideLabel
        quiet
        choices={choices}
        value={model?.id ?? DEFAULT}
        onChange={(id) => edit({ modelId: id === DEFAULT ? "" : id, params: {} })}
      />
      {((model ?? standard)?.parameters ?? []).map((parameter) => (
        <Select
          key={parameter.id}
          label={parameter.id}
          hideLabel
          quiet
          choices={[
            { id: DEFAULT, label: `${words(parameter.id)}: default` },
            ...parameter.values.map(({ value }) => ({
              id: value,
              label: `${words(parameter.id)}: ${value}`,
            })),
          ]}
          value={launch.params[parameter.id] ?? DEFAULT}
          onChange={(value) => {
            const { [parameter.id]: _, ...others } = launch.params;
            const params = value === DEFAULT ? others : { ...others, [parameter.id]: value };
            edit({ params, modelId: launch.modelId || (standard?.id ?? "") });
          }}
        />
      ))}
    </>
  );
}

function words(id: string): string {
  const text = id.replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}
