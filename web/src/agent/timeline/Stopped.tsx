import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { call } from "../../api/client";
import { explain } from "../../api/errors";
import { Button } from "../../ui/Button";
import { TextField } from "../../ui/Field";
import { visibleBidi } from "../../ui/untrusted";
import type { PublishRow } from "../rows";
import { useScope } from "../useTimeline";
import styles from "./Publish.module.css";

type Stops = NonNullable<PublishRow["stops"]>;

/** What kept a push back, with a way to let it through. */
export function Stopped({ stops }: { stops: Stops }) {
  const { agent } = useScope();
  const [reason, setReason] = useState("");
  const open = stops.filter((stop) => !stop.isAllowed);
  const allow = useMutation({
    mutationFn: async () => {
      for (const { mark } of open) {
        await call("POST", `/v1/agents/${agent}/stops`, { body: { mark, reason } });
      }
    },
  });
  return (
    <>
      <ul className={styles.stops}>
        {stops.map((stop) => (
          <li key={stop.mark}>
            <code>
              {visibleBidi(stop.path ?? "a commit’s message")}
              {stop.line !== undefined && `:${stop.line}`}
            </code>{" "}
            {visibleBidi(stop.why)}
            {stop.isAllowed && " Let through."}
          </li>
        ))}
      </ul>
      {open.length > 0 && (
        <form
          className={styles.letThrough}
          onSubmit={(event) => {
            event.preventDefault();
            allow.mutate();
          }}
        >
          <TextField
            label="Why it may leave"
            hideLabel
            placeholder="Why it may leave"
            value={reason}
            onChange={setReason}
            maxLength={500}
          />
          <Button size="s" type="submit" isDisabled={allow.isPending || reason.trim() === ""}>
            Let it through
          </Button>
        </form>
      )}
      {open.length === 0 && (
        <span className={styles.aside}>It is pushed after the next message.</span>
      )}
      {allow.error && <p role="alert">{explain(allow.error).message}</p>}
    </>
  );
}
