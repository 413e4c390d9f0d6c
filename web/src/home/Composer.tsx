import { ArrowUp, ImagePlus, SlidersHorizontal } from "lucide-react";
import { type ClipboardEvent, type DragEvent, type KeyboardEvent, useRef, useState } from "react";
import { FileTrigger } from "react-aria-components";
import { MODES } from "../api/modes";
import { useModels } from "../api/queries";
import { Button, IconButton } from "../ui/Button";
import { cx } from "../ui/cx";
import { Banner } from "../ui/ErrorState";
import { Select } from "../ui/Field";
import { ImageStrip } from "../ui/ImageStrip";
import { filesOf, pickImages } from "../ui/images";
import { Kbd } from "../ui/Kbd";
import styles from "./Composer.module.css";
import { type Launch, type ProblemField, problemsOf } from "./launch";
import { ModelField } from "./ModelField";
import { Options } from "./Options";
import { Presets } from "./Presets";
import { RepositoryChips } from "./RepositoryChips";
import { useLaunch } from "./useLaunch";
import { useSend } from "./useSend";

/** Where an errand is written and sent. */
export function Composer({ autoFocus }: { autoFocus?: boolean }) {
  const { launch, change, setLaunch, clear } = useLaunch();
  const images = useImages();
  const [open, setOpen] = useState(false);
  const [problems, setProblems] = useState<Partial<Record<ProblemField, string>>>({});
  const sending = useSend(() => {
    clear();
    images.clear();
  });
  const text = useRef<HTMLTextAreaElement>(null);

  const edit = (part: Partial<Launch>) => {
    change(part);
    setProblems({});
  };
  const send = () => {
    if (sending.isPending) return;
    const found = problemsOf(launch);
    setProblems(found);
    if (found.text !== undefined) text.current?.focus();
    if (found.branch !== undefined || found.limits !== undefined || found.variables !== undefined) {
      setOpen(true);
    }
    if (Object.keys(found).length === 0) sending.send({ launch, images: images.files });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) {
      event.preventDefault();
      send();
    } else if (event.key === "Escape" && event.target === text.current) text.current?.blur();
  };

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: keys and drops of everything inside
    <div className={styles.composer} onKeyDown={onKeyDown}>
      <section
        className={cx(styles.card, images.over && styles.over)}
        aria-label="New agent"
        {...images.dropProps}
      >
        <textarea
          ref={text}
          className={styles.text}
          aria-label="Task"
          aria-invalid={problems.text !== undefined}
          aria-describedby="task-problem"
          placeholder="Describe the task as you would to a colleague…"
          value={launch.text}
          onChange={(event) => edit({ text: event.target.value })}
          onPaste={images.onPaste}
          rows={4}
          // biome-ignore lint/a11y/noAutofocus: this page is for writing here
          autoFocus={autoFocus}
        />
        <ImageStrip images={images.files} onRemove={images.remove} />
        <RepositoryChips
          repositories={launch.repositories}
          onChange={(repositories) => edit({ repositories })}
        />
        <Toolbar
          launch={launch}
          edit={edit}
          onImages={images.add}
          isOpen={open}
          onOpen={() => setOpen(!open)}
          onSend={send}
          isPending={sending.isPending}
        />
        {open && <Options launch={launch} edit={edit} problems={problems} />}
      </section>
      <p id="task-problem" className={styles.problem} role="status">
        {problems.text ?? images.problem}
      </p>
      {sending.error !== undefined && <Banner tone="red">{sending.error}</Banner>}
      <BlindNotice launch={launch} images={images.files.length} />
      <Presets
        launch={launch}
        onApply={(next) => {
          setLaunch(next);
          setProblems({});
          text.current?.focus();
        }}
      />
    </div>
  );
}

interface ToolbarProps {
  launch: Launch;
  edit(part: Partial<Launch>): void;
  onImages(files: Iterable<File>): void;
  isOpen: boolean;
  onOpen(): void;
  onSend(): void;
  isPending: boolean;
}

function Toolbar({ launch, edit, onImages, isOpen, onOpen, onSend, isPending }: ToolbarProps) {
  return (
    <div className={styles.toolbar}>
      <Select
        label="How it works"
        hideLabel
        quiet
        choices={MODES}
        value={launch.mode}
        onChange={(id) => edit({ mode: MODES.find((mode) => mode.id === id)?.id ?? "agent" })}
      />
      <ModelField launch={launch} edit={edit} />
      <span className={styles.actions}>
        <FileTrigger
          acceptedFileTypes={["image/png", "image/jpeg", "image/gif", "image/webp"]}
          allowsMultiple
          onSelect={(files) => files !== null && onImages(files)}
        >
          <IconButton label="Add images" icon={<ImagePlus />} />
        </FileTrigger>
        <IconButton
          label={isOpen ? "Fewer options" : "More options"}
          icon={<SlidersHorizontal />}
          aria-expanded={isOpen}
          onPress={onOpen}
        />
        <Button variant="primary" icon={<ArrowUp />} onPress={onSend} isPending={isPending}>
          Send
          <span className={styles.sendKey}>
            <Kbd keys="mod+enter" />
          </span>
        </Button>
      </span>
    </div>
  );
}

/** Sending a picture to a model that cannot see is a disappointment better known before. */
function BlindNotice({ launch, images }: { launch: Launch; images: number }) {
  const models = useModels().data ?? [];
  const model = models.find(({ id, isDefault }) =>
    launch.modelId === "" ? isDefault : id === launch.modelId,
  );
  if (images === 0 || model === undefined || model.capabilities.includes("images")) return null;
  return <Banner tone="amber">{model.displayName} cannot see images. Choose another model.</Banner>;
}

function useImages() {
  const [files, setFiles] = useState<File[]>([]);
  const [problem, setProblem] = useState<string>();
  const [over, setOver] = useState(false);
  const add = (more: Iterable<File>) => {
    const picked = pickImages(files, more);
    setFiles(picked.images);
    setProblem(picked.problem);
  };
  const take = (event: ClipboardEvent | DragEvent, data: DataTransfer | null) => {
    const found = filesOf(data);
    if (found.length === 0) return;
    event.preventDefault();
    add(found);
  };
  return {
    files,
    problem,
    over,
    add,
    remove: (index: number) => {
      setFiles(files.toSpliced(index, 1));
      setProblem(undefined);
    },
    clear: () => setFiles([]),
    onPaste: (event: ClipboardEvent) => take(event, event.clipboardData),
    dropProps: {
      onDragOver: (event: DragEvent) => {
        if (!event.dataTransfer.types.includes("Files")) return;
        event.preventDefault();
        setOver(true);
      },
      onDragLeave: () => setOver(false),
      onDrop: (event: DragEvent) => {
        setOver(false);
        take(event, event.dataTransfer);
      },
    },
  };
}
