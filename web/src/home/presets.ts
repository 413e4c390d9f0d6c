import type { Mode } from "../api/types";
import { Stored } from "../app/stored";
import type { Launch } from "./launch";

/** A saved beginning of a launch. */
export interface Preset {
  name: string;
  text: string;
  mode: Mode;
  /** What a person saved besides; built-in ones leave it to the composer. */
  launch?: Pick<
    Launch,
    "repositories" | "modelId" | "params" | "branchName" | "autoCreatePR" | "limits"
  >;
}

export const BUILT_IN: readonly Preset[] = [
  {
    name: "Fix a bug",
    mode: "agent",
    text: "Something does not work.\n\nWhat happens: \nWhat should happen: \nHow to see it: \n\nFind the cause, fix it, and add a test that fails without the fix.",
  },
  {
    name: "Find the cause",
    mode: "debug",
    text: "Find out why this happens, with evidence, before changing anything: ",
  },
  {
    name: "Explore",
    mode: "ask",
    text: "Explain to someone new how this project is built: what the main parts are, how a typical request flows through them, and where to begin reading.",
  },
  {
    name: "Refactor",
    mode: "agent",
    text: "Make this easier to read and to change, without changing what it does: \n\nKeep the tests green after every step.",
  },
  {
    name: "Plan",
    mode: "plan",
    text: "Plan how to build the following, and ask me before you begin: ",
  },
  {
    name: "Ask",
    mode: "ask",
    text: "Answer this question about the code, and say where it is written: ",
  },
];

/** Presets that a person saved in this browser. */
export const ownPresets = new Stored<Preset[]>("presets", (value) =>
  Array.isArray(value) ? value.filter(isPreset) : [],
);

/** Saves a launch under a name; the same name is replaced. */
export function savePreset(name: string, launch: Launch): void {
  const { text, mode, repositories, modelId, params, branchName, autoCreatePR, limits } = launch;
  const preset = {
    name,
    text,
    mode,
    launch: { repositories, modelId, params, branchName, autoCreatePR, limits },
  };
  ownPresets.set([preset, ...ownPresets.get().filter((other) => other.name !== name)]);
}

/** The launch with a preset in it. Text that a person wrote is not lost. */
export function applyPreset(launch: Launch, preset: Preset): Launch {
  const known = [...BUILT_IN, ...ownPresets.get()].some(({ text }) => text === launch.text);
  const replace = launch.text.trim() === "" || known;
  return {
    ...launch,
    ...preset.launch,
    mode: preset.mode,
    text: replace ? preset.text : launch.text,
  };
}

function isPreset(value: unknown): value is Preset {
  if (typeof value !== "object" || value === null) return false;
  const { name, text, mode } = value as Partial<Preset>;
  return typeof name === "string" && typeof text === "string" && typeof mode === "string";
}
