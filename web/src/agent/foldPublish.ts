/** The part of the fold that follows a run's work out: checkpoint, push, pull request. */
import type { Fold } from "./fold";
import type { PublishRow } from "./rows";
import type { LogEntry } from "./wire";

/** Folds an event of publishing; false if it is of another kind. */
export function applyPublish(fold: Fold, entry: LogEntry): boolean {
  const { event } = entry;
  const put = (run: string, slots: Partial<PublishRow>): true => {
    const key = `publish:${run}`;
    const place = { seq: entry.seq, at: Date.parse(entry.at) };
    const row = fold.row(key, "publish") ?? { kind: "publish", key, ...place, run };
    fold.put({ ...row, ...slots });
    return true;
  };
  switch (event.type) {
    case "CheckpointWanted":
      return put(event.run, {});
    case "CheckpointMade":
      return put(event.run, { checkpoint: event.repos });
    case "CheckpointFailed":
      return put(event.run, { checkpointFailure: event.failure });
    case "PushWanted":
      return put(event.run, { pushing: true });
    case "Pushed":
      return put(event.run, { pushed: event.pushes, pushing: false });
    case "PushFailed": {
      const conflict = event.conflict ?? undefined;
      const stops = event.stops?.map((stop) => ({ ...stop, isAllowed: false }));
      for (const stop of stops ?? []) {
        fold.stopped.set(stop.mark, `publish:${event.run}`);
      }
      return put(event.run, { pushFailure: event.failure, conflict, stops, pushing: false });
    }
    case "StopAllowed": {
      const { mark, reason, principal } = event;
      const row = fold.row(fold.stopped.get(mark) ?? "", "publish");
      if (row?.stops) {
        const stops = row.stops.map((stop) =>
          stop.mark === mark ? { ...stop, isAllowed: true } : stop,
        );
        fold.put({ ...row, stops });
      }
      fold.note(entry, undefined, { type: "stopAllowed", reason, principal });
      return true;
    }
    case "ChecksWanted":
      return put(event.run, { checking: true });
    case "Checked":
      return put(event.run, { checking: false, checked: event.report });
    case "PullRequestWanted":
      return put(event.run, { pullWanted: true });
    case "PullRequestPublished":
      return put(event.run, { pulls: event.pulls, pullWanted: false });
    case "PullRequestFailed":
      return put(event.run, { pullFailure: event.failure, pullWanted: false });
    case "PullRequestMerged": {
      const { repo, number, principal } = event;
      fold.note(entry, undefined, { type: "merged", repo, number, principal });
      return true;
    }
    case "BranchUpdated": {
      const { number, principal } = event;
      fold.note(entry, undefined, { type: "updated", number, principal });
      return true;
    }
    default:
      return false;
  }
}
