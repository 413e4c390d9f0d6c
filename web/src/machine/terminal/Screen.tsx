import "@xterm/xterm/css/xterm.css";
import { FitAddon } from "@xterm/addon-fit";
import { Terminal } from "@xterm/xterm";
import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import { pageNonce } from "../../ui/nonce";
import { machinePath } from "../queries";
import { Flood } from "./flood";
import { harden } from "./hardening";
import { KeyRow } from "./KeyRow";
import styles from "./Screen.module.css";
import { SessionBar } from "./SessionBar";
import { CLOSED, TerminalSession } from "./session";
import { themeOf } from "./theme";

/** Lines that can be scrolled back to. */
const SCROLLBACK_LINES = 10_000;
const SCROLLBAR_PX = 10;
/** Cancels a sequence that was cut in two, and takes back colours. */
const STRAIGHT = "\u0018\u001b[0m";

interface ScreenProps {
  agent: string;
  name: string;
  /** Opened by this person just now: they want to type. */
  wantsToType: boolean;
}

/** One terminal: its screen, and who types in it. */
export function Screen({ agent, name, wantsToType }: ScreenProps) {
  const frame = useRef<HTMLDivElement>(null);
  const [session, setSession] = useState<TerminalSession>();
  const [focus, setFocus] = useState<() => void>();
  const wants = useRef(wantsToType);

  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const terminal = new Terminal({
      scrollback: SCROLLBACK_LINES,
      fontFamily: '"JetBrains Mono Variable", ui-monospace, monospace',
      fontSize: 12.5,
      lineHeight: 1.3,
      cursorBlink: !matchMedia("(prefers-reduced-motion: reduce)").matches,
      theme: themeOf(element),
      minimumContrastRatio: 4.5,
      overviewRuler: { width: SCROLLBAR_PX },
      screenReaderMode: false,
      linkHandler: null,
      allowProposedApi: false,
      windowOptions: {},
    });
    const fit = new FitAddon();
    terminal.loadAddon(fit);
    openWithNonce(() => terminal.open(element));
    const flood = new Flood({
      write: (bytes, done) => terminal.write(bytes, done),
      skipped: (bytes) => terminal.write(mark(`${bytes.toLocaleString()} bytes were left out`)),
    });
    const made = new TerminalSession(
      machinePath(agent, `terminals/${name}/socket`),
      {
        write: (bytes) => flood.push(bytes),
        note: (text) => terminal.write(mark(text)),
        reset: () => {
          flood.clear();
          terminal.reset();
        },
      },
      wants.current,
    );
    harden(terminal, () => made.state.you);
    terminal.onData((data) => made.type(data));
    terminal.onResize(({ cols, rows }) => made.resize(cols, rows));
    const obey = () => {
      terminal.options.disableStdin = !made.state.you;
      terminal.options.cursorInactiveStyle = made.state.you ? "outline" : "none";
    };
    made.subscribe(obey);
    obey();
    const stopFitting = keepFitting(element, terminal, fit);
    const stopWaking = wakeWithNetwork(made);
    const theme = () => {
      terminal.options.theme = themeOf(element);
    };
    const themes = new MutationObserver(theme);
    themes.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", theme);
    setSession(made);
    setFocus(() => () => terminal.focus());
    terminal.focus();
    return () => {
      dark.removeEventListener("change", theme);
      themes.disconnect();
      stopWaking();
      stopFitting();
      made.close();
      terminal.dispose();
      setSession(undefined);
    };
  }, [agent, name]);

  const state = useSyncExternalStore(session?.subscribe ?? never, () => session?.state ?? CLOSED);
  return (
    <div className={styles.terminal}>
      <SessionBar
        state={state}
        onTake={() => {
          session?.take();
          focus?.();
        }}
        onRelease={() => session?.release()}
        onRetry={() => session?.wake()}
      />
      <div className={styles.frame} data-writes={state.you || undefined}>
        <div ref={frame} className={styles.screen} />
      </div>
      {state.you && <KeyRow onKey={(keys) => session?.type(keys)} />}
    </div>
  );
}

function never() {
  return () => {};
}

/** A line of ours in the screen. */
function mark(text: string): string {
  return `${STRAIGHT}\r\n\u001b[2m… ${text} …\u001b[0m\r\n`;
}

/**
 * The terminal colours single signs by a style attribute, which the page's policy refuses; set as a
 * property it is allowed and means the same.
 */
function colourWithinPolicy() {
  const set = HTMLSpanElement.prototype.setAttribute;
  HTMLSpanElement.prototype.setAttribute = function (name, value) {
    if (name === "style") this.style.cssText = value;
    else set.call(this, name, value);
  };
}
colourWithinPolicy();

/** The terminal adds style sheets while it opens; they carry the page's nonce. */
function openWithNonce(open: () => void) {
  const nonce = pageNonce();
  const make = document.createElement;
  document.createElement = ((name: string, options?: ElementCreationOptions) => {
    const element = make.call(document, name, options);
    if (element instanceof HTMLStyleElement && nonce) element.nonce = nonce;
    return element;
  }) as typeof document.createElement;
  try {
    open();
  } finally {
    document.createElement = make;
  }
}

function keepFitting(element: HTMLElement, terminal: Terminal, fit: FitAddon): () => void {
  const apply = () => {
    if (element.clientWidth > 0 && element.clientHeight > 0) fit.fit();
  };
  const observer = new ResizeObserver(apply);
  observer.observe(element);
  // Measured again when the font is there.
  void document.fonts.ready.then(() => {
    if (!element.isConnected) return;
    terminal.options.fontFamily = `${terminal.options.fontFamily} `;
    apply();
  });
  apply();
  return () => observer.disconnect();
}

function wakeWithNetwork(session: TerminalSession): () => void {
  const wake = () => {
    if (document.visibilityState === "visible") session.wake();
  };
  window.addEventListener("online", wake);
  document.addEventListener("visibilitychange", wake);
  return () => {
    window.removeEventListener("online", wake);
    document.removeEventListener("visibilitychange", wake);
  };
}
