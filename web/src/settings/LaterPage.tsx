import { Navigate, useParams } from "react-router";
import { useServer } from "../api/queries";
import { EmptyState } from "../ui/EmptyState";
import { settingsPages } from "./pages";

/** A page that the server brings by a feature and whose form this app does not have. */
export default function LaterPage() {
  const path = useParams()["*"];
  const server = useServer();
  if (server.isPending) return null;
  const page = settingsPages(server.data?.features ?? []).find((each) => each.path === path);
  if (page === undefined) return <Navigate to="/settings/defaults" replace />;
  return (
    <EmptyState title={page.title}>
      This server can do this, and the app in your browser is older than the server. Reload the
      page; until then, the command line and the API have it.
    </EmptyState>
  );
}
