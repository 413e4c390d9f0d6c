import { useRouteError } from "react-router";
import { ErrorState } from "../ui/ErrorState";

/** For a page that failed to draw: usually a new version of the app while an old one was open. */
export function CrashPage() {
  return (
    <ErrorState
      title="This page failed to open"
      error={useRouteError()}
      onRetry={() => location.reload()}
    />
  );
}
