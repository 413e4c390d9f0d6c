import { ArrowDown } from "lucide-react";
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import { Virtualizer, type VirtualizerHandle } from "virtua";
import { Button } from "../../ui/Button";
import { ErrorState } from "../../ui/ErrorState";
import { Skeleton } from "../../ui/Skeleton";
import { useScope, useShown, useSituation } from "../useTimeline";
import { Announcer } from "./Announcer";
import { Doing } from "./Doing";
import { RowView } from "./RowView";
import { RunsMenu } from "./RunsMenu";
import { useRowKeys } from "./rowKeys";
import styles from "./TimelineView.module.css";

/** So near to the end counts as at the end. */
const END_PX = 40;
/** Older rows are asked for before their place is reached. */
const AHEAD_PX = 1200;
/** What a person scrolls with, and for how long a scroll may come after it. */
const BY_HAND = ["wheel", "touchmove", "pointerdown", "pointermove", "keydown"] as const;
const HAND_MS = 700;
const TOP = "top";
const BOTTOM = "bottom";

/** Everything that was said and done, the newest at the end. */
export function TimelineView() {
  const { timeline } = useScope();
  const situation = useSituation();
  if (situation.phase === "failed") {
    return (
      <div className={styles.scroller}>
        <ErrorState
          title="Could not load the conversation"
          error={situation.error}
          onRetry={() => timeline.retry()}
        />
      </div>
    );
  }
  return situation.phase === "loading" ? <Loading /> : <List />;
}

function List() {
  const { timeline } = useScope();
  const shown = useShown();
  const { isPast, older } = useSituation();
  const scroller = useRef<HTMLDivElement>(null);
  const list = useRef<VirtualizerHandle>(null);
  const place = useFollowing(scroller, list, shown.place);
  const { isFollowing, setFollowing } = place;
  const keys = [TOP, ...shown.keys, BOTTOM];

  const onScroll = (offset: number) => {
    place.onScroll(offset);
    if (offset < AHEAD_PX) void timeline.loadOlder();
    const handle = list.current;
    if (!handle || !isPast) return;
    const below = handle.scrollSize - offset - handle.viewportSize;
    if (below < AHEAD_PX) void timeline.loadNewer();
  };
  // The list learns where it stands by the scroll event of the next frame. Rows that are measured before
  // that would send it back to where it stood, so it is told at once.
  useLayoutEffect(() => {
    if (shown.isShifted) scroller.current?.dispatchEvent(new Event("scroll"));
  }, [shown]);
  // A page that does not fill the screen has nothing to scroll, so it asks for more by itself.
  useEffect(() => {
    const handle = list.current;
    if (older === "more" && handle && handle.scrollSize <= handle.viewportSize + AHEAD_PX / 2) {
      void timeline.loadOlder();
    }
  });

  const goTo = async (key: string, seq: number | undefined) => {
    setFollowing(false);
    if (seq !== undefined) await timeline.goTo(seq);
    const at = timeline.shown.keys.indexOf(key);
    if (at < 0) return;
    // The list knows the new rows after its next layout.
    requestAnimationFrame(() => list.current?.scrollToIndex(at + 1, { align: "start" }));
  };
  const latest = () => {
    timeline.latest();
    setFollowing(true);
  };
  useRowKeys(shown.keys, (at, act) => {
    setFollowing(false);
    list.current?.scrollToIndex(at + 1, { align: "nearest" });
    requestAnimationFrame(act);
  });

  return (
    <div className={styles.frame}>
      <RunsMenu onGo={goTo} />
      <section
        ref={scroller}
        className={styles.scroller}
        aria-label="Conversation"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it must scroll by keyboard
        tabIndex={0}
      >
        <Virtualizer
          key={shown.place}
          ref={list}
          data={keys}
          shift={shown.isShifted}
          scrollRef={scroller}
          onScroll={onScroll}
          bufferSize={600}
        >
          {(key) => {
            if (key === TOP) return <Top key={key} />;
            if (key === BOTTOM) return <Bottom key={key} />;
            return <RowView key={key} name={key} />;
          }}
        </Virtualizer>
      </section>
      {(!isFollowing || isPast) && (
        <Button className={styles.latest ?? ""} size="s" icon={<ArrowDown />} onPress={latest}>
          Jump to latest
        </Button>
      )}
      <Announcer />
    </div>
  );
}

/** Stays at the end while the person is there, through everything that grows. */
function useFollowing(
  scroller: React.RefObject<HTMLDivElement | null>,
  list: React.RefObject<VirtualizerHandle | null>,
  where: number,
) {
  const { timeline } = useScope();
  const [isFollowing, set] = useState(true);
  const following = useRef(true);
  const last = useRef({ offset: 0, size: 0 });
  const touched = useRef(Number.NEGATIVE_INFINITY);
  const grown = useRef(Number.NEGATIVE_INFINITY);
  const setFollowing = useCallback(
    (now: boolean) => {
      following.current = now;
      set(now);
      timeline.follow(now);
      if (now && scroller.current) scroller.current.scrollTop = scroller.current.scrollHeight;
    },
    [timeline, scroller],
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: another place has another content element
  useLayoutEffect(() => {
    last.current = { offset: 0, size: 0 };
    const element = scroller.current;
    const content = element?.firstElementChild;
    if (!element || !content) return;
    const stick = () => {
      grown.current = performance.now();
      if (following.current) element.scrollTop = element.scrollHeight;
    };
    const touch = () => {
      touched.current = performance.now();
    };
    for (const kind of BY_HAND) element.addEventListener(kind, touch, { passive: true });
    stick();
    // Or the list would draw its first rows, as long as it was told nothing; it listens from a microtask
    // of its own on.
    if (following.current) queueMicrotask(() => element.dispatchEvent(new Event("scroll")));
    const observer = new ResizeObserver(stick);
    observer.observe(content);
    observer.observe(element);
    return () => {
      observer.disconnect();
      for (const kind of BY_HAND) element.removeEventListener(kind, touch);
    };
  }, [scroller, where]);
  const onScroll = (offset: number) => {
    const handle = list.current;
    if (!handle) return;
    const isAtEnd = handle.scrollSize - offset - handle.viewportSize < END_PX;
    const isUpwards = offset < last.current.offset - 1;
    const isSame = handle.scrollSize === last.current.size;
    last.current = { offset, size: handle.scrollSize };
    // While rows come, go and are measured, the list scrolls by itself; a person's hand tells the difference.
    const now = performance.now();
    const isQuiet = isSame && now - grown.current > HAND_MS;
    const isByHand = isQuiet || now - touched.current < HAND_MS;
    if (isAtEnd && !following.current) setFollowing(true);
    else if (!isAtEnd && isUpwards && isByHand && following.current) setFollowing(false);
  };
  return { isFollowing, setFollowing, onScroll };
}

function Top() {
  const { older } = useSituation();
  const { timeline } = useScope();
  return (
    <div className={styles.top}>
      {older === "loading" && <span role="status">Loading earlier steps…</span>}
      {older === "failed" && (
        <Button size="s" onPress={() => void timeline.loadOlder()}>
          Earlier steps could not be loaded. Try again
        </Button>
      )}
    </div>
  );
}

function Bottom() {
  const { isPast } = useSituation();
  return <div className={styles.bottom}>{!isPast && <Doing />}</div>;
}

function Loading() {
  return (
    <div className={styles.scroller} role="status" aria-label="Loading the conversation">
      <div className={styles.loading}>
        <Skeleton height={64} radius={12} />
        <Skeleton width="40%" />
        <Skeleton width="82%" />
        <Skeleton width="74%" />
        <Skeleton height={120} radius={8} />
        <Skeleton width="66%" />
      </div>
    </div>
  );
}
