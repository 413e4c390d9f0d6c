import { type ClipboardEvent, type KeyboardEvent, useRef } from "react";
import { meaningOf, press } from "./input";
import type { ToBrowser } from "./wire";

/** What stands in the field, so that a phone's keyboard has something to delete. */
const REST = " ";
const IS_MAC = /mac|iphone|ipad/i.test(navigator.platform);

interface Keys {
  send(message: ToBrowser): void;
  onLeave(): void;
  onAddress(): void;
}

/** The field that takes keys for the page inside. */
export function useKeys({ send, onLeave, onAddress }: Keys) {
  const ref = useRef<HTMLTextAreaElement>(null);

  const key = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    const meaning = meaningOf(event.nativeEvent, IS_MAC);
    // Keys of the app are not meant while the page inside has them.
    event.stopPropagation();
    if (meaning.to === "browser") return;
    event.preventDefault();
    if (meaning.to === "leave") onLeave();
    else if (meaning.to === "address") onAddress();
    else for (const message of meaning.messages) send(message);
  };

  /** What a composed text or a phone's keyboard made of the field. */
  const take = () => {
    const field = ref.current;
    if (!field) return;
    const { value } = field;
    field.value = REST;
    field.setSelectionRange(REST.length, REST.length);
    if (value === "") for (const message of press("Backspace")) send(message);
    const text = value.startsWith(REST) ? value.slice(REST.length) : value;
    if (text === "\n") for (const message of press("Enter")) send(message);
    else if (text !== "") send({ type: "text", text });
  };

  const handlers = {
    onKeyDown: key,
    onKeyUp: key,
    onInput: (event: { nativeEvent: Event }) => {
      if (!(event.nativeEvent as InputEvent).isComposing) take();
    },
    onCompositionEnd: take,
    onPaste: (event: ClipboardEvent<HTMLTextAreaElement>) => {
      event.preventDefault();
      const text = event.clipboardData.getData("text/plain");
      if (text !== "") send({ type: "text", text });
    },
  };
  return { ref, handlers };
}
