import { Trash2 } from "lucide-react";
import { useState } from "react";
import {
  TextField as AriaTextField,
  Autocomplete,
  Input,
  Label,
  Menu,
  MenuItem,
} from "react-aria-components";
import { useRepositories } from "../api/queries";
import { repositoryName } from "../api/status";
import { Button } from "../ui/Button";
import { cx } from "../ui/cx";
import { TextField } from "../ui/Field";
import fieldStyles from "../ui/Field.module.css";
import menu from "../ui/Menu.module.css";
import type { LaunchRepository } from "./launch";
import styles from "./RepositoryChips.module.css";

interface RepositoryPickerProps {
  repository: LaunchRepository | undefined;
  onChange(repository: LaunchRepository | undefined): void;
  onDone(): void;
}

/** Chooses a known repository or a new address, and where to start from. */
export function RepositoryPicker({ repository, onChange, onDone }: RepositoryPickerProps) {
  const [typed, setTyped] = useState("");
  const [ref, setRef] = useState(repository?.ref ?? "");
  const known = useRepositories().data ?? [];
  const fitting = known.filter(({ url }) => url.toLowerCase().includes(typed.toLowerCase()));
  const choose = (url: string) => {
    onChange({ url, ref: repository?.url === url ? ref : "" });
    onDone();
  };
  const fresh = looksLikeRepository(typed) && !known.some(({ url }) => url === typed.trim());
  return (
    <>
      <Autocomplete inputValue={typed} onInputChange={setTyped}>
        <AriaTextField className={fieldStyles.field ?? ""} autoFocus>
          <Label className={fieldStyles.label ?? ""}>Repository</Label>
          <Input
            className={cx(fieldStyles.input)}
            placeholder="Search, or paste an address"
            spellCheck="false"
          />
        </AriaTextField>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
        <div className={styles.results} tabIndex={0}>
          <Menu aria-label="Repositories">
            {fresh && (
              <Item
                id="fresh"
                label={`Use ${typed.trim()}`}
                onAction={() => choose(typed.trim())}
              />
            )}
            {fitting.map(({ url }) => (
              <Item
                key={url}
                id={url}
                label={repositoryName(url)}
                detail={url}
                onAction={() => choose(url)}
              />
            ))}
          </Menu>
        </div>
      </Autocomplete>
      {fitting.length === 0 && !fresh && (
        <p className={styles.hint}>
          {typed === "" ? "Repositories you use appear here." : "None known by that name."} Paste an
          address such as <code>https://git.example.com/team/project.git</code>.
        </p>
      )}
      {repository !== undefined && (
        <div className={styles.chosen}>
          <TextField
            label="Start from"
            description="A branch, a tag or a commit. Empty: the repository's default branch."
            mono
            value={ref}
            onChange={(value) => {
              setRef(value);
              onChange({ ...repository, ref: value });
            }}
          />
          <Button
            size="s"
            variant="quiet"
            icon={<Trash2 />}
            onPress={() => {
              onDone();
              onChange(undefined);
            }}
          >
            Leave out {repositoryName(repository.url)}
          </Button>
        </div>
      )}
    </>
  );
}

interface ItemProps {
  id: string;
  label: string;
  detail?: string;
  onAction(): void;
}

function Item({ id, label, detail, onAction }: ItemProps) {
  return (
    <MenuItem id={id} textValue={label} className={menu.item ?? ""} onAction={onAction}>
      <span className={menu.text}>
        <span className={menu.label}>{label}</span>
        {detail !== undefined && <span className={menu.detail}>{detail}</span>}
      </span>
    </MenuItem>
  );
}

/** An address that git could take; the server judges it for good. */
function looksLikeRepository(text: string): boolean {
  return /^(https?:\/\/|ssh:\/\/|file:\/\/|\/|[\w.-]+@[\w.-]+:)\S+$/.test(text.trim());
}
