import { FolderGit2, Plus } from "lucide-react";
import { useState } from "react";
import { Dialog, DialogTrigger, Popover } from "react-aria-components";
import { repositoryName } from "../api/status";
import { Button } from "../ui/Button";
import type { LaunchRepository } from "./launch";
import styles from "./RepositoryChips.module.css";
import { RepositoryPicker } from "./RepositoryPicker";

const MOST = 20;

interface RepositoryChipsProps {
  repositories: LaunchRepository[];
  onChange(repositories: LaunchRepository[]): void;
}

/** The repositories an agent works on, each a chip that opens its choice. */
export function RepositoryChips({ repositories, onChange }: RepositoryChipsProps) {
  const set = (index: number, next: LaunchRepository | undefined) =>
    onChange(
      next === undefined ? repositories.toSpliced(index, 1) : replaced(repositories, index, next),
    );
  return (
    <div className={styles.chips}>
      {repositories.map((repository, index) => (
        <Chip
          // biome-ignore lint/suspicious/noArrayIndexKey: the place in the list is what a chip edits
          key={index}
          repository={repository}
          onChange={(next) => set(index, next)}
        />
      ))}
      {repositories.length < MOST && (
        <Chip
          key={`new ${repositories.length}`}
          isFirst={repositories.length === 0}
          onChange={(next) => set(repositories.length, next)}
        />
      )}
    </div>
  );
}

function replaced(all: LaunchRepository[], index: number, next: LaunchRepository) {
  return index === all.length ? [...all, next] : all.with(index, next);
}

interface ChipProps {
  repository?: LaunchRepository;
  isFirst?: boolean;
  onChange(repository: LaunchRepository | undefined): void;
}

function Chip({ repository, isFirst, onChange }: ChipProps) {
  const [open, setOpen] = useState(false);
  return (
    <DialogTrigger isOpen={open} onOpenChange={setOpen}>
      {repository === undefined ? (
        <Button
          size="s"
          variant={isFirst ? "secondary" : "quiet"}
          icon={isFirst ? <FolderGit2 /> : <Plus />}
        >
          {isFirst ? "Choose a repository" : "Another repository"}
        </Button>
      ) : (
        <Button size="s" icon={<FolderGit2 />} aria-label={`Repository ${repository.url}`}>
          {repositoryName(repository.url)}
          {repository.ref !== "" && <span className={styles.ref}> at {repository.ref}</span>}
        </Button>
      )}
      <Popover className={styles.popover ?? ""} placement="bottom start" offset={4}>
        <Dialog aria-label="Repository" className={styles.dialog ?? ""}>
          <RepositoryPicker
            repository={repository}
            onChange={onChange}
            onDone={() => setOpen(false)}
          />
        </Dialog>
      </Popover>
    </DialogTrigger>
  );
}
