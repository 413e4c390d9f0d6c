import { useMutation, useQueryClient } from "@tanstack/react-query";
import { call } from "../../api/client";
import type { CreateRun } from "../../api/types";
import { useScope } from "../useTimeline";
import type { Mode, ModelChoice } from "../wire";

/** A message about to be sent. */
export interface Message {
  text: string;
  images: File[];
  whenBusy: "refuse" | "queue" | "steer";
  mode?: Mode | undefined;
  model?: ModelChoice | undefined;
}

/** Sends a message; it appears in the timeline when the log has it. */
export function useSend() {
  const { agent } = useScope();
  const client = useQueryClient();
  return useMutation({
    mutationFn: async (message: Message) => {
      const images = await Promise.all(message.images.map(encoded));
      const body: CreateRun = {
        prompt: { text: message.text, ...(images.length > 0 && { images }) },
        whenBusy: message.whenBusy,
        // A message into a running run cannot change how it works.
        ...(message.whenBusy !== "steer" && message.mode && { mode: message.mode }),
        ...(message.whenBusy !== "steer" && message.model && { model: message.model }),
      };
      // The client's own id makes a repeat after a lost answer harmless.
      const runId = `run-${crypto.randomUUID?.() ?? fallbackUuid()}`;
      return call("POST", `/v1/agents/${agent}/runs`, { body: { ...body, runId } });
    },
    onSuccess: () => client.invalidateQueries({ queryKey: ["agent", agent] }),
  });
}

async function encoded(file: File): Promise<{ data: string; mimeType: string }> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let binary = "";
  const piece = 32 * 1024;
  for (let at = 0; at < bytes.length; at += piece) {
    binary += String.fromCharCode(...bytes.subarray(at, at + piece));
  }
  return { data: btoa(binary), mimeType: file.type };
}

/** Plain HTTP on a host other than localhost has no `randomUUID`. */
function fallbackUuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
