import { useMemo, useState } from "react";
import { Navigate, Outlet, useLocation, useNavigate } from "react-router";
import { isSignedOut } from "../api/errors";
import { useSession } from "../api/queries";
import { Sheet } from "../ui/Dialog";
import { ErrorState } from "../ui/ErrorState";
import { ShellContext } from "./PageHeader";
import { PageSkeleton } from "./PageSkeleton";
import styles from "./Shell.module.css";
import { Sidebar } from "./Sidebar";
import { useShortcuts } from "./shortcuts";

/** The frame around every page: who is signed in, the sidebar, the page. */
export function Shell() {
  const session = useSession();
  const [sheet, setSheet] = useState(false);
  const location = useLocation();
  const navigate = useNavigate();
  const controls = useMemo(() => ({ openSidebar: () => setSheet(true) }), []);
  useShortcuts({ "mod+e": () => navigate("/new") });
  if (session.isError) {
    if (isSignedOut(session.error)) {
      const next = location.pathname + location.search;
      return <Navigate to="/sign-in" replace state={{ next }} />;
    }
    return (
      <ErrorState
        title="Errand cannot be reached"
        error={session.error}
        onRetry={() => session.refetch()}
      />
    );
  }
  return (
    <ShellContext value={controls}>
      <a className={styles.skip} href="#page">
        Skip to the page
      </a>
      <div className={styles.shell}>
        <div className={styles.sidebar}>
          <Sidebar />
        </div>
        <Sheet isOpen={sheet} onOpenChange={setSheet} label="Agents">
          <Sidebar onGo={() => setSheet(false)} />
        </Sheet>
        <main id="page" className={styles.page} tabIndex={-1}>
          {session.isPending ? <PageSkeleton /> : <Outlet />}
        </main>
      </div>
    </ShellContext>
  );
}
