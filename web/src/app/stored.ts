import { useSyncExternalStore } from "react";

/** A value that this browser keeps; all tabs share it. A browser that keeps nothing forgets it. */
export class Stored<T> {
  readonly #key: string;
  readonly #parse: (value: unknown) => T;
  readonly #listeners = new Set<() => void>();
  #value: T;

  /** `parse` makes a value of whatever was stored, be it nothing or nonsense. */
  constructor(key: string, parse: (value: unknown) => T) {
    this.#key = `errand.${key}`;
    this.#parse = parse;
    this.#value = this.#read();
    window.addEventListener("storage", (event) => {
      if (event.key === this.#key) this.#tell(this.#read());
    });
  }

  get = (): T => this.#value;

  set(value: T): void {
    try {
      localStorage.setItem(this.#key, JSON.stringify(value));
    } catch {
      // Full or forbidden: it still holds for this page.
    }
    this.#tell(value);
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  #tell(value: T): void {
    this.#value = value;
    for (const listener of this.#listeners) listener();
  }

  #read(): T {
    try {
      return this.#parse(JSON.parse(localStorage.getItem(this.#key) ?? "null"));
    } catch {
      return this.#parse(null);
    }
  }
}

/** The value, and the component drawn again when it changes. */
export function useStored<T>(stored: Stored<T>): T {
  return useSyncExternalStore(stored.subscribe, stored.get);
}
