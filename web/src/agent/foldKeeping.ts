/** The part of the fold that follows what is kept of a machine for other agents. */
import type { Fold } from "./fold";
import type { LogEntry } from "./wire";

/** Who keeps what a build made. */
const PLATFORM = "errand";

/** Folds an event about keeping a disk; false if it is of another kind. */
export function applyKeeping(fold: Fold, entry: LogEntry): boolean {
  const { event } = entry;
  switch (event.type) {
    case "SnapshotWanted": {
      const { key, principal } = event;
      if (event.purpose === "fork") {
        fold.note(entry, undefined, { type: "forking", principal });
        return true;
      }
      fold.keeps.add(key);
      // That a build ends in one is no news.
      if (principal !== PLATFORM) fold.note(entry, undefined, { type: "keeping", principal });
      return true;
    }
    case "SnapshotMade": {
      const { key, bytes, files } = event;
      // What is for one fork is nothing that new agents begin with.
      if (fold.keeps.has(key)) fold.note(entry, undefined, { type: "kept", bytes, files });
      return true;
    }
    case "SnapshotFailed":
      fold.note(entry, undefined, { type: "notKept", failure: event.failure });
      return true;
    default:
      return false;
  }
}
