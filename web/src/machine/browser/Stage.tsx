import { Keyboard } from "lucide-react";
import { type ReactNode, type RefObject, useEffect, useRef, useState } from "react";
import { visible } from "../../diff/segments";
import { Button } from "../../ui/Button";
import { cx } from "../../ui/cx";
import { Kbd } from "../../ui/Kbd";
import { fitted } from "./input";
import styles from "./Stage.module.css";
import type { SessionState } from "./session";
import { useKeys } from "./useKeys";
import { usePointer } from "./usePointer";
import type { ToBrowser } from "./wire";

/** A window that is being drawn larger or smaller says its size once it rests. */
const REST_MS = 150;

interface StageProps {
  canvasRef: RefObject<HTMLCanvasElement | null>;
  state: SessionState;
  /** Of the page, in pixels that pointers count in. */
  size: { width: number; height: number };
  send(message: ToBrowser): void;
  onResize(width: number, height: number): void;
  /** The person leaves the page by key. */
  onLeave(): void;
  onAddress(): void;
  /** What lies over the page. */
  children: ReactNode;
}

/** The live view of the page inside, and pointer and keys on it. */
export function Stage(props: StageProps) {
  const { canvasRef, state, size, send, onResize, onLeave, onAddress, children } = props;
  const frameRef = useRef<HTMLDivElement>(null);
  const frame = useFrame(frameRef, onResize);
  const keys = useKeys({ send, onLeave, onAddress });
  usePointer(canvasRef, state.you, size, send, () => keys.ref.current?.focus());
  const shown = size.width > 0 ? fitted(size, frame) : undefined;
  const { page, you } = state;
  const title = visible(page?.title || page?.url || "");
  return (
    <div ref={frameRef} className={cx(styles.stage, you && styles.mine)}>
      <canvas
        ref={canvasRef}
        className={styles.page}
        role="img"
        aria-label={title === "" ? "Live view of the page" : `Live view of ${title}`}
        style={{
          cursor: you ? page?.cursor || "default" : "not-allowed",
          ...(shown && { width: shown.width, height: shown.height }),
        }}
        hidden={!state.hasPicture}
      />
      {you && (
        <textarea
          {...keys.handlers}
          ref={keys.ref}
          className={styles.keys}
          aria-label="Keys for the page inside. Shift and Escape leave it."
          autoCapitalize="off"
          autoComplete="off"
          autoCorrect="off"
          spellCheck={false}
          defaultValue=" "
        />
      )}
      {!state.hasPicture && state.status !== "refused" && (
        <p className={styles.waiting} role="status">
          Waiting for the first picture…
        </p>
      )}
      {children}
      {you && (
        <p className={styles.hint} aria-hidden="true">
          Keys go to the page · <Kbd keys="shift+esc" /> leaves it
        </p>
      )}
      {you && (
        <Button
          className={styles.keyboard ?? ""}
          icon={<Keyboard />}
          onPress={() => keys.ref.current?.focus()}
        >
          Keyboard
        </Button>
      )}
    </div>
  );
}

/** The size of the frame, told once it rests. */
function useFrame(ref: RefObject<HTMLDivElement | null>, onResize: StageProps["onResize"]) {
  const [frame, setFrame] = useState({ width: 1, height: 1 });
  const tell = useRef(onResize);
  useEffect(() => {
    tell.current = onResize;
  });
  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    let rest: ReturnType<typeof setTimeout> | undefined;
    const measure = () => {
      const { clientWidth: width, clientHeight: height } = element;
      if (width === 0 || height === 0) return;
      setFrame({ width, height });
      clearTimeout(rest);
      rest = setTimeout(() => tell.current(width, height), REST_MS);
    };
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => {
      clearTimeout(rest);
      observer.disconnect();
    };
  }, [ref]);
  return frame;
}
