import type { ReactNode } from "react";
import { Navigate, useParams } from "react-router";
import { useServer } from "../api/queries";
import { Banner } from "../ui/ErrorState";
import { ProvidersPage } from "./configured/ProvidersPage";
import { TeamsPage } from "./configured/TeamsPage";
import { settingsPages } from "./pages";

const PAGES: Record<string, ReactNode> = {
  providers: <ProvidersPage />,
  teams: <TeamsPage />,
};

/** What is set in the server's configuration: what holds today, and how it is changed. */
export default function ConfiguredPage() {
  const path = useParams()["*"] ?? "";
  const features = useServer().data?.features ?? [];
  const page = settingsPages(features).find((each) => each.path === path);
  const content = PAGES[path];
  if (page === undefined || content === undefined) {
    return <Navigate to="/settings/defaults" replace />;
  }
  return (
    <>
      {page.isOutgrown && (
        <Banner tone="amber">
          The server can do more here than this page knows: it is newer than the app in your
          browser. Reload the page.
        </Banner>
      )}
      {content}
    </>
  );
}
