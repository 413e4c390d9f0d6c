/** The part of the fold that follows what is kept of a machine for new agents. */
import type { Fold } from "./fold";
import type { LogEntry } from "./wire";

/** Who keeps what a build made. */
const PLATFORM = "errand";

/** Folds an event about keeping a disk; false if it is of another kind. */
export function applyKeeping(fold: Fold, entry: LogEntry): boolean {
  const { event } = entry;
  switch (event.type) {
    case "SnapshotWanted":
      // That a build ends in one is no news.
      if (event.principal !== PLATFORM) {
        fold.note(entry, undefined, { type: "keeping", principal: event.principal });
      }
      return true;
    case "SnapshotMade": {
      const { bytes, files } = event;
      fold.note(entry, undefined, { type: "kept", bytes, files });
      return true;
    }
    case "SnapshotFailed":
      fold.note(entry, undefined, { type: "notKept", failure: event.failure });
      return true;
    default:
      return false;
  }
}
