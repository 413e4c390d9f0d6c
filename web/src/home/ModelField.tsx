import { useModels, useSettings } from "../api/queries";
import type { ModelParameter } from "../api/types";
import { Select } from "../ui/Field";
import type { Launch } from "./launch";

const DEFAULT = "default";

interface ModelFieldProps {
  launch: Launch;
  edit(part: Partial<Launch>): void;
}

/** The model, and beside it what was chosen about it. */
export function ModelField({ launch, edit }: ModelFieldProps) {
  const { models, standard, model } = useModel(launch);
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
  const chosen = (model?.parameters ?? []).filter(({ id }) => launch.params[id] !== undefined);
  return (
    <>
      <Select
        label="Model"
        hideLabel
        quiet
        choices={choices}
        value={model === standard ? DEFAULT : (model?.id ?? DEFAULT)}
        onChange={(id) => edit({ modelId: id === DEFAULT ? "" : id, params: {} })}
      />
      {chosen.map((parameter) => (
        <ParameterField
          key={parameter.id}
          parameter={parameter}
          launch={launch}
          edit={edit}
          quiet
        />
      ))}
    </>
  );
}

/** Everything that can be chosen about the model. */
export function ModelParameters({ launch, edit }: ModelFieldProps) {
  const { model } = useModel(launch);
  return model?.parameters?.map((parameter) => (
    <ParameterField key={parameter.id} parameter={parameter} launch={launch} edit={edit} />
  ));
}

interface ParameterFieldProps extends ModelFieldProps {
  parameter: ModelParameter;
  quiet?: boolean;
}

function ParameterField({ parameter, launch, edit, quiet }: ParameterFieldProps) {
  const { model } = useModel(launch);
  const name = words(parameter.id);
  const label = (value: string) => (quiet ? `${name}: ${value}` : value);
  return (
    <Select
      label={quiet ? `${name} of the model` : name}
      hideLabel={quiet ?? false}
      quiet={quiet ?? false}
      choices={[
        { id: DEFAULT, label: label("default") },
        ...parameter.values.map(({ value }) => ({ id: value, label: label(value) })),
      ]}
      value={launch.params[parameter.id] ?? DEFAULT}
      onChange={(value) => {
        const { [parameter.id]: _, ...others } = launch.params;
        const params = value === DEFAULT ? others : { ...others, [parameter.id]: value };
        // Parameters belong to a model: choosing one names it, be it the default.
        edit({ params, modelId: launch.modelId || (model?.id ?? "") });
      }}
    />
  );
}

/** The model of a launch, and those it could have. */
export function useModel(launch: Launch) {
  const models = useModels().data ?? [];
  const chosenDefault = useSettings().data?.defaultModel?.id;
  const standard =
    models.find(({ id }) => id === chosenDefault) ?? models.find(({ isDefault }) => isDefault);
  return { models, standard, model: models.find(({ id }) => id === launch.modelId) ?? standard };
}

function words(id: string): string {
  const text = id.replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}
