import { useState, useSyncExternalStore } from "react";
import type { Layout } from "./rows";

/** Narrower than this, two columns of code are too narrow to read. */
const WIDE = "(min-width: 1000px)";
const KEY = "errand.diff-layout";

/** The chosen layout, how to choose, and whether there is room for a choice. */
export function useLayout(): [Layout, (layout: Layout) => void, boolean] {
  const [chosen, setChosen] = useState<Layout>(stored);
  const isWide = useSyncExternalStore(subscribe, () => matchMedia(WIDE).matches);
  const choose = (layout: Layout) => {
    setChosen(layout);
    try {
      localStorage.setItem(KEY, layout);
    } catch {
      // Holds for as long as the page is open.
    }
  };
  return [isWide ? chosen : "unified", choose, isWide];
}

function stored(): Layout {
  try {
    return localStorage.getItem(KEY) === "split" ? "split" : "unified";
  } catch {
    return "unified";
  }
}

function subscribe(listener: () => void): () => void {
  const query = matchMedia(WIDE);
  query.addEventListener("change", listener);
  return () => query.removeEventListener("change", listener);
}
