import { X } from "lucide-react";
import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import { IconButton } from "../../ui/Button";
import { Banner } from "../../ui/ErrorState";
import { machinePath } from "../queries";
import { Asks } from "./Asks";
import { ControlBar } from "./ControlBar";
import styles from "./LiveBrowser.module.css";
import { refreshBrowser } from "./queries";
import { Stage } from "./Stage";
import { StartPage } from "./StartPage";
import { BrowserSession, CLOSED } from "./session";
import { TabStrip } from "./TabStrip";
import { Toolbar } from "./Toolbar";
import type { Picture } from "./wire";

interface LiveBrowserProps {
  agent: string;
  /** Started by this person just now: they want control. */
  wantsControl: boolean;
}

/** The browser inside, live: its tabs, its address, its page, and who has control. */
export function LiveBrowser({ agent, wantsControl }: LiveBrowserProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const address = useRef<HTMLInputElement>(null);
  const control = useRef<HTMLDivElement>(null);
  const [session, setSession] = useState<BrowserSession>();
  const [size, setSize] = useState({ width: 0, height: 0 });
  const [cannotCopy, setCannotCopy] = useState(false);
  const wants = useRef(wantsControl);

  useEffect(() => {
    const made = new BrowserSession(
      machinePath(agent, "browser/socket"),
      {
        draw: async (picture) => {
          if (canvas.current) await draw(canvas.current, picture);
          const { width, height } = picture;
          setSize((known) =>
            known.width === width && known.height === height ? known : { width, height },
          );
        },
        copied: (text) => {
          // TRUST: only after this person's own key; what a page inside put there is text.
          navigator.clipboard.writeText(text).then(
            () => setCannotCopy(false),
            () => setCannotCopy(true),
          );
        },
      },
      wants.current,
    );
    const wake = () => made.wake();
    window.addEventListener("online", wake);
    document.addEventListener("visibilitychange", wake);
    setSession(made);
    return () => {
      window.removeEventListener("online", wake);
      document.removeEventListener("visibilitychange", wake);
      made.close();
      setSession(undefined);
    };
  }, [agent]);

  const state = useSyncExternalStore(session?.subscribe ?? never, () => session?.state ?? CLOSED);
  const isGone = state.status === "ended" || state.status === "refused";
  useEffect(() => {
    if (isGone) void refreshBrowser(agent);
  }, [agent, isGone]);

  const { page, you } = state;
  const isEmpty = you && page?.url === "about:blank" && !page.loading && !page.dialog;
  const problem = cannotCopy
    ? "Your browser did not let the marked text into its clipboard."
    : state.problem;
  return (
    <div className={styles.browser}>
      <div className={styles.top}>
        <TabStrip
          tabs={page?.tabs ?? []}
          isMine={you}
          onSelect={(tab) => session?.send({ type: "selectTab", tab })}
          onClose={(tab) => session?.send({ type: "closeTab", tab })}
          onOpen={() => {
            session?.send({ type: "openTab" });
            address.current?.focus();
          }}
        />
        <ControlBar
          state={state}
          barRef={control}
          onTake={() => session?.take()}
          onRelease={() => session?.release()}
          onRetry={() => session?.wake()}
        />
      </div>
      <Toolbar
        agent={agent}
        state={state}
        addressRef={address}
        send={(message) => session?.send(message)}
      />
      {problem !== undefined && (
        <div className={styles.problem}>
          <Banner
            tone="amber"
            action={
              <IconButton
                size="s"
                label="Dismiss"
                icon={<X />}
                onPress={() => {
                  setCannotCopy(false);
                  session?.dismiss();
                }}
              />
            }
          >
            {problem}
          </Banner>
        </div>
      )}
      <Stage
        canvasRef={canvas}
        state={state}
        size={size}
        send={(message) => session?.send(message)}
        onResize={(width, height) => session?.resize(width, height)}
        onLeave={() => control.current?.querySelector("button")?.focus()}
        onAddress={() => address.current?.focus()}
      >
        {isEmpty && (
          <StartPage
            agent={agent}
            onOpen={(port) => session?.send({ type: "navigate", url: `http://localhost:${port}/` })}
          />
        )}
        {page?.dialog && (
          <Asks
            key={page.dialog.message}
            dialog={page.dialog}
            url={page.url}
            isMine={you}
            onAnswer={(accept, text) =>
              session?.send({ type: "answer", accept, ...(text !== undefined && { text }) })
            }
          />
        )}
      </Stage>
    </div>
  );
}

function never() {
  return () => {};
}

async function draw(canvas: HTMLCanvasElement, picture: Picture): Promise<void> {
  const bitmap = await createImageBitmap(new Blob([picture.jpeg], { type: "image/jpeg" }));
  if (canvas.width !== bitmap.width) canvas.width = bitmap.width;
  if (canvas.height !== bitmap.height) canvas.height = bitmap.height;
  canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
  bitmap.close();
}
