import { BookmarkPlus, X } from "lucide-react";
import { useState } from "react";
import { useStored } from "../app/stored";
import { Button, IconButton } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { TextField } from "../ui/Field";
import type { Launch } from "./launch";
import styles from "./Presets.module.css";
import { applyPreset, BUILT_IN, ownPresets, savePreset } from "./presets";

interface PresetsProps {
  launch: Launch;
  onApply(launch: Launch): void;
}

/** Beginnings of errands: ours, and those a person saved. */
export function Presets({ launch, onApply }: PresetsProps) {
  const own = useStored(ownPresets);
  const [saving, setSaving] = useState(false);
  return (
    <section className={styles.presets} aria-label="Presets">
      {own.map((preset) => (
        <span key={preset.name} className={styles.own}>
          <Button size="s" onPress={() => onApply(applyPreset(launch, preset))}>
            {preset.name}
          </Button>
          <IconButton
            size="s"
            label={`Delete preset ${preset.name}`}
            icon={<X />}
            onPress={() => ownPresets.set(own.filter((other) => other !== preset))}
          />
        </span>
      ))}
      {BUILT_IN.map((preset) => (
        <Button key={preset.name} size="s" onPress={() => onApply(applyPreset(launch, preset))}>
          {preset.name}
        </Button>
      ))}
      {launch.text.trim() !== "" && (
        <Button size="s" variant="quiet" icon={<BookmarkPlus />} onPress={() => setSaving(true)}>
          Save as preset
        </Button>
      )}
      <SaveDialog launch={launch} isOpen={saving} onOpenChange={setSaving} />
    </section>
  );
}

interface SaveDialogProps {
  launch: Launch;
  isOpen: boolean;
  onOpenChange(isOpen: boolean): void;
}

function SaveDialog({ launch, isOpen, onOpenChange }: SaveDialogProps) {
  const [name, setName] = useState("");
  const save = () => {
    if (name.trim() === "") return;
    savePreset(name.trim(), launch);
    setName("");
    onOpenChange(false);
  };
  return (
    <Dialog
      isOpen={isOpen}
      onOpenChange={onOpenChange}
      title="Save as preset"
      size="s"
      footer={
        <Button variant="primary" isDisabled={name.trim() === ""} onPress={save}>
          Save
        </Button>
      }
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          save();
        }}
      >
        <TextField
          label="Name"
          autoFocus
          maxLength={40}
          value={name}
          onChange={setName}
          description="Text, repository, model, mode and limits are kept in this browser. Variables and images are not."
        />
      </form>
    </Dialog>
  );
}
