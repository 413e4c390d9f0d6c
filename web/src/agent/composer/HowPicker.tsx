import { MODES } from "../../api/modes";
import { useAgent, useModels } from "../../api/queries";
import { Select } from "../../ui/Field";
import { useScope } from "../useTimeline";
import type { Mode, ModelChoice } from "../wire";
import styles from "./Composer.module.css";

interface How {
  mode?: Mode;
  model?: ModelChoice;
}

/** Mode and model of the next run. */
export function HowPicker({ how, onChange }: { how: How; onChange(how: How): void }) {
  const { agent } = useScope();
  const known = useAgent(agent).data;
  const models = useModels().data ?? [];
  const model = how.model?.id ?? known?.model.id ?? "";
  const choices = models.map(({ id, displayName, description }) => ({
    id,
    label: displayName,
    ...(description && { description }),
  }));
  if (model !== "" && !choices.some(({ id }) => id === model)) {
    choices.unshift({ id: model, label: model });
  }
  return (
    <div className={styles.how}>
      <Select
        label="Mode"
        hideLabel
        quiet
        choices={MODES}
        value={how.mode ?? known?.mode ?? "agent"}
        onChange={(id) => onChange({ ...how, mode: id as Mode })}
      />
      {choices.length > 0 && (
        <Select
          label="Model"
          hideLabel
          quiet
          choices={choices}
          value={model}
          onChange={(id) => onChange({ ...how, model: { id } })}
        />
      )}
    </div>
  );
}
