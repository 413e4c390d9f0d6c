import { Check, Copy } from "lucide-react";
import { useEffect, useState } from "react";
import { Button, IconButton } from "./Button";

const SHOWN_MS = 1600;

interface CopyButtonProps {
  text: string;
  /** What is copied: "Copy the branch". */
  label: string;
  /** Shows the label beside the icon. */
  labelled?: boolean;
  size?: "s" | "m";
}

/** Copies a text and says so. */
export function CopyButton({ text, label, labelled, size = "s" }: CopyButtonProps) {
  const [state, setState] = useState<"idle" | "copied" | "failed">("idle");
  useEffect(() => {
    if (state === "idle") return;
    const timer = setTimeout(() => setState("idle"), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [state]);
  const copy = () => {
    copyText(text).then(
      () => setState("copied"),
      () => setState("failed"),
    );
  };
  const words = { idle: label, copied: "Copied", failed: "Not allowed by this browser" }[state];
  const icon = state === "copied" ? <Check /> : <Copy />;
  return (
    <>
      {labelled ? (
        <Button size={size} icon={icon} onPress={copy}>
          {words}
        </Button>
      ) : (
        <IconButton size={size} label={words} icon={icon} onPress={copy} />
      )}
      <span className="visually-hidden" role="status">
        {state === "idle" ? "" : words}
      </span>
    </>
  );
}

/** Copies through the clipboard, or through a selection where pages over plain HTTP have none. */
export async function copyText(text: string): Promise<void> {
  if (navigator.clipboard !== undefined) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  if (!copied) throw new Error("the browser refused to copy");
}
