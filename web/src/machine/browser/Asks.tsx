import { type FormEvent, useState } from "react";
import { Button } from "../../ui/Button";
import { TextField } from "../../ui/Field";
import { hostOf, visibleBidi } from "../../ui/untrusted";
import styles from "./Asks.module.css";
import type { BrowserDialog } from "./wire";

interface AsksProps {
  dialog: BrowserDialog;
  url: string;
  isMine: boolean;
  onAnswer(accept: boolean, text?: string): void;
}

/** What the page inside asks in a box of its browser; named by its host, since it can say anything. */
export function Asks({ dialog, url, isMine, onAnswer }: AsksProps) {
  const [text, setText] = useState(dialog.preset);
  const isPrompt = dialog.kind === "prompt";
  const isLeaving = dialog.kind === "beforeunload";
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    onAnswer(true, isPrompt ? text : undefined);
  };
  return (
    <div className={styles.scrim}>
      <form className={styles.card} aria-labelledby="browser-asks" onSubmit={submit}>
        <h2 id="browser-asks" className={styles.title}>
          {hostOf(url)} {isLeaving ? "asks before it is left" : "says"}
        </h2>
        <p className={styles.message}>
          {isLeaving ? "What was changed may be lost." : visibleBidi(dialog.message)}
        </p>
        {isPrompt && isMine && (
          <TextField label="Answer" hideLabel value={text} onChange={setText} autoFocus />
        )}
        {isMine ? (
          <div className={styles.actions}>
            {dialog.kind !== "alert" && (
              <Button onPress={() => onAnswer(false)}>{isLeaving ? "Stay" : "Cancel"}</Button>
            )}
            <Button type="submit" variant="primary" autoFocus={!isPrompt}>
              {isLeaving ? "Leave" : "OK"}
            </Button>
          </div>
        ) : (
          <p className={styles.waits}>It waits for whoever has control.</p>
        )}
      </form>
    </div>
  );
}
