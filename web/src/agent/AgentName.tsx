import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { call } from "../api/client";
import { explain } from "../api/errors";
import { queryClient } from "../api/queries";
import { visibleBidi } from "../ui/untrusted";
import styles from "./AgentHeader.module.css";
import { useScope } from "./useTimeline";

const NAME_CHARS = 100;

interface AgentNameProps {
  name: string;
  isEditing: boolean;
  onEditing(isEditing: boolean): void;
}

/** The agent's name; a press makes it a field. */
export function AgentName({ name, isEditing, onEditing }: AgentNameProps) {
  const { agent } = useScope();
  const rename = useMutation({
    mutationFn: (now: string) => call("PATCH", `/v1/agents/${agent}`, { body: { name: now } }),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["agent", agent], exact: true }),
  });
  if (isEditing) {
    const finish = (now: string | undefined) => {
      onEditing(false);
      const trimmed = now?.trim() ?? "";
      if (trimmed !== "" && trimmed !== name) rename.mutate(trimmed);
    };
    return <NameField name={name} onFinish={finish} />;
  }
  const title = rename.isError ? explain(rename.error).message : "Rename";
  return (
    <h1 className={styles.title}>
      <button type="button" className={styles.name} title={title} onClick={() => onEditing(true)}>
        {visibleBidi(rename.isPending ? rename.variables : name)}
      </button>
    </h1>
  );
}

function NameField({ name, onFinish }: { name: string; onFinish(now?: string): void }) {
  const [text, setText] = useState(name);
  return (
    <input
      className={styles.name}
      aria-label="Name of the agent"
      value={text}
      maxLength={NAME_CHARS}
      // biome-ignore lint/a11y/noAutofocus: the person has just asked to type here
      autoFocus
      onFocus={(event) => event.target.select()}
      onChange={(event) => setText(event.target.value)}
      onBlur={() => onFinish(text)}
      onKeyDown={(event) => {
        if (event.key === "Enter") onFinish(text);
        else if (event.key === "Escape") onFinish();
      }}
    />
  );
}
