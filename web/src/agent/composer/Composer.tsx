import { ArrowUp, CornerDownRight, ImagePlus, ListPlus, Square } from "lucide-react";
import { type ClipboardEvent, type DragEvent, type KeyboardEvent, useRef, useState } from "react";
import { explain } from "../../api/errors";
import { Button, IconButton } from "../../ui/Button";
import { cx } from "../../ui/cx";
import { useHead, useScope } from "../useTimeline";
import type { Mode, ModelChoice } from "../wire";
import styles from "./Composer.module.css";
import { keepDraft, readDraft } from "./draft";
import { HowPicker } from "./HowPicker";
import { addImages, filesOf } from "./images";
import { PickedImages } from "./PickedImages";
import { useCancel } from "./useCancel";
import { type Message, useSend } from "./useSend";

/** A prompt of the API. */
const PROMPT_CHARS = 100_000;
const ENTER = "Enter";

/** Where a person writes: to begin a run, to queue one, to steer the one that is working. */
export function Composer({ isArchived }: { isArchived: boolean }) {
  const { agent } = useScope();
  const { active } = useHead();
  const [text, setText] = useState(() => readDraft(agent));
  const [images, setImages] = useState<File[]>([]);
  const [refused, setRefused] = useState<string>();
  const [isOver, setOver] = useState(false);
  const [how, setHow] = useState<{ mode?: Mode; model?: ModelChoice }>({});
  const field = useRef<HTMLTextAreaElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  const [failure, setFailure] = useState<unknown>();
  const send = useSend();
  const isBusy = active !== undefined;
  const isTooLong = text.length > PROMPT_CHARS;
  const canSend = text.trim() !== "" && !isTooLong;

  const change = (now: string) => {
    setText(now);
    keepDraft(agent, now);
  };
  const take = (files: File[]) => {
    const taken = addImages(images, files);
    setImages(taken.images);
    setRefused(taken.refused);
  };
  const submit = (whenBusy: Message["whenBusy"]) => {
    if (!canSend) return;
    const message = { text, images, whenBusy, ...how };
    change("");
    setImages([]);
    setRefused(undefined);
    setFailure(undefined);
    send.mutateAsync(message).catch((error: unknown) => {
      // What could not be sent comes back, before what was typed meanwhile.
      setFailure(error);
      setText((now) => (now === "" ? message.text : `${message.text}\n\n${now}`));
      setImages((now) => (now.length === 0 ? message.images : now));
    });
    field.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === ENTER && (event.metaKey || event.ctrlKey)) {
      event.preventDefault();
      submit(isBusy && event.shiftKey ? "steer" : "queue");
    } else if (event.key === "Escape") field.current?.blur();
  };
  const onPaste = (event: ClipboardEvent) => {
    const files = filesOf(event.clipboardData);
    if (files.length === 0) return;
    event.preventDefault();
    take(files);
  };
  const onDrop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    take(filesOf(event.dataTransfer));
  };

  if (isArchived) {
    return (
      <p className={styles.closed}>
        This agent is archived. Take it out of the archive (in the menu above) to go on with it.
      </p>
    );
  }
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping has a button beside it
    <div
      className={cx(styles.composer, isOver && styles.over)}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={onDrop}
    >
      <PickedImages images={images} onChange={setImages} />
      <textarea
        ref={field}
        id="composer"
        className={styles.field}
        aria-label="Message to the agent"
        placeholder={isBusy ? "Add to what it is doing, or queue what comes next" : "What is next?"}
        rows={2}
        value={text}
        onChange={(event) => change(event.target.value)}
        onKeyDown={onKeyDown}
        onPaste={onPaste}
      />
      <div className={styles.bar}>
        <input
          ref={picker}
          type="file"
          accept="image/png,image/jpeg,image/gif,image/webp"
          multiple
          hidden
          onChange={(event) => {
            take([...(event.target.files ?? [])]);
            event.target.value = "";
          }}
        />
        <IconButton
          label="Add images"
          icon={<ImagePlus />}
          onPress={() => picker.current?.click()}
        />
        <HowPicker how={how} onChange={setHow} />
        <span className={styles.actions}>
          {isBusy ? (
            <Busy canSend={canSend} onSubmit={submit} />
          ) : (
            <Button
              variant="primary"
              icon={<ArrowUp />}
              isDisabled={!canSend}
              onPress={() => submit("queue")}
            >
              Send
            </Button>
          )}
        </span>
      </div>
      {isTooLong && (
        <p className={styles.error} role="alert">
          This is {(text.length - PROMPT_CHARS).toLocaleString()} characters too long.
        </p>
      )}
      {refused !== undefined && (
        <p className={styles.error} role="alert">
          {refused}
        </p>
      )}
      {failure !== undefined && (
        <p className={styles.error} role="alert">
          Not sent. {explain(failure).message}
        </p>
      )}
    </div>
  );
}

function Busy({
  canSend,
  onSubmit,
}: {
  canSend: boolean;
  onSubmit(how: Message["whenBusy"]): void;
}) {
  const { active } = useHead();
  const stop = useCancel();
  const isStopping = active?.cancelling === true || stop.isPending;
  return (
    <>
      <Button
        id="stop-run"
        icon={<Square />}
        isDisabled={isStopping || active?.publishing === true}
        onPress={() => active && stop.mutate(active.run)}
      >
        {isStopping ? "Stopping" : "Stop"}
      </Button>
      <Button icon={<CornerDownRight />} isDisabled={!canSend} onPress={() => onSubmit("steer")}>
        Steer
      </Button>
      <Button
        variant="primary"
        icon={<ListPlus />}
        isDisabled={!canSend}
        onPress={() => onSubmit("queue")}
      >
        Queue
      </Button>
    </>
  );
}
