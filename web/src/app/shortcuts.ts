import { useEffect, useRef } from "react";

type Actions = Record<string, (event: KeyboardEvent) => void>;

/** Keys as written in `Kbd`: `mod+k`, `?`, `j`. Plain letters are left to whoever is being typed into. */
export function useShortcuts(actions: Actions): void {
  const current = useRef(actions);
  useEffect(() => {
    current.current = actions;
  });
  useEffect(() => {
    const listener = (event: KeyboardEvent) => {
      const name = nameOf(event);
      const action = current.current[name];
      if (action === undefined || event.defaultPrevented || event.isComposing) return;
      if (!name.startsWith("mod+") && isTyping(event.target)) return;
      event.preventDefault();
      action(event);
    };
    window.addEventListener("keydown", listener);
    return () => window.removeEventListener("keydown", listener);
  }, []);
}

/** The name of the pressed keys. */
export function nameOf(
  event: Pick<KeyboardEvent, "key" | "metaKey" | "ctrlKey" | "shiftKey">,
): string {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const mod = event.metaKey || event.ctrlKey ? "mod+" : "";
  const shift = event.shiftKey && key.length > 1 ? "shift+" : "";
  return `${mod}${shift}${key}`;
}

/** Whether keys go into a text field, a terminal or an editor. */
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}
