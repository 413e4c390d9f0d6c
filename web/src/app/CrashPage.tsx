import { useEffect } from "react";
import { useRouteError } from "react-router";
import { ErrorState } from "../ui/ErrorState";

/** Pause between two looks whether the server is back. */
const LOOK_MS = 1500;
/** A page that was opened again so shortly before is not opened again by itself. */
const AGAIN_MS = 20_000;
const OPENED_AGAIN = "errand.openedAgain";

/** For a page that failed to draw. */
export function CrashPage() {
  const error = useRouteError();
  if (isCodeMissing(error) && !wasOpenedAgain()) return <Fetching />;
  return (
    <ErrorState title="This page failed to open" error={error} onRetry={() => location.reload()} />
  );
}

/** The server was away, or has a newer app, when a part of this one was asked for. */
function Fetching() {
  useEffect(() => {
    const look = async () => {
      const answer = await fetch("/readyz", { cache: "no-store" }).catch(() => undefined);
      if (!answer?.ok) return;
      sessionStorage.setItem(OPENED_AGAIN, String(Date.now()));
      location.reload();
    };
    void look();
    const timer = setInterval(() => void look(), LOOK_MS);
    return () => clearInterval(timer);
  }, []);
  return (
    <ErrorState
      title="Connection lost"
      error={new Error("This page opens by itself as soon as the server can be reached.")}
    />
  );
}

function isCodeMissing(error: unknown): boolean {
  const words = error instanceof Error ? error.message : "";
  return /dynamically imported module|preload CSS|Importing a module script/.test(words);
}

function wasOpenedAgain(): boolean {
  return Date.now() - Number(sessionStorage.getItem(OPENED_AGAIN) ?? 0) < AGAIN_MS;
}
