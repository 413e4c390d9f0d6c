import { useEffect, useState } from "react";
import { useScope } from "../useTimeline";
import type { AgentEvent } from "../wire";
import { STATUS } from "../words";

/** New text is told at most this often, the newest only. */
const PAUSE_MS = 3000;
const SAID_CHARS = 240;

/** Tells screen readers what happened, once it is complete, and never more than they can say. */
export function Announcer() {
  const { timeline } = useScope();
  const [words, setWords] = useState("");
  useEffect(() => {
    let waiting = "";
    let timer: ReturnType<typeof setTimeout> | undefined;
    const tell = () => {
      timer = undefined;
      if (waiting === "") return;
      setWords(waiting);
      waiting = "";
      timer = setTimeout(tell, PAUSE_MS);
    };
    const stop = timeline.subscribeEvents(({ event }) => {
      const said = wordsFor(event);
      if (said === undefined) return;
      waiting = said;
      if (timer === undefined) tell();
    });
    return () => {
      clearTimeout(timer);
      stop();
    };
  }, [timeline]);
  return (
    <div className="visually-hidden" role="status" aria-live="polite">
      {words}
    </div>
  );
}

function wordsFor(event: AgentEvent): string | undefined {
  switch (event.type) {
    case "MessageFinished": {
      const texts = event.parts.flatMap((part) => (part.type === "text" ? [part.text] : []));
      return texts.length > 0 ? texts.join(" ").slice(0, SAID_CHARS) : undefined;
    }
    case "QuestionAsked":
      return `The agent asks: ${event.text.slice(0, SAID_CHARS)}`;
    case "RunEnded":
      return `The run ended: ${STATUS[event.status]?.word ?? event.status}.`;
    case "SandboxLost":
      return "The machine was lost.";
    default:
      return undefined;
  }
}
