import { createContext, useContext } from "react";

export type ShellDialog = "palette" | "help";

/** Windows that can be opened from anywhere. */
export interface ShellDialogs {
  open(dialog: ShellDialog): void;
}

export const ShellDialogsContext = createContext<ShellDialogs>({ open: () => {} });

export function useShellDialogs(): ShellDialogs {
  return useContext(ShellDialogsContext);
}
