import {
  lazy,
  type ReactNode,
  Suspense,
  useEffect,
  useMemo,
  useState,
  useSyncExternalStore,
} from "react";
import { Navigate, Outlet, useLocation, useNavigate } from "react-router";
import { useLiveAgents } from "../api/agents";
import { ApiError, explain, isSignedOut } from "../api/errors";
import { live } from "../api/live";
import { queryClient, useSession } from "../api/queries";
import { Sheet } from "../ui/Dialog";
import { ErrorState } from "../ui/ErrorState";
import { aheadOfNext } from "./ahead";
import { type ShellDialog, type ShellDialogs, ShellDialogsContext } from "./dialogs";
import { ShellContext, type ShellControls } from "./PageHeader";
import { PageSkeleton } from "./PageSkeleton";
import styles from "./Shell.module.css";
import { Sidebar } from "./Sidebar";
import { useShortcuts } from "./shortcuts";

const Palette = lazy(() => import("./Palette").then(({ Palette }) => ({ default: Palette })));
const Help = lazy(() => import("./Help").then(({ Help }) => ({ default: Help })));

/** The frame around every page: who is signed in, the sidebar, the page. */
export function Shell() {
  const session = useSession();
  useSignedOut();
  const [sheet, setSheet] = useState(false);
  const location = useLocation();
  const navigate = useNavigate();
  const controls = useMemo(() => ({ openSidebar: () => setSheet(true) }), []);
  const [dialog, setDialog] = useState<ShellDialog>();
  const dialogs = useMemo(() => ({ open: setDialog }), []);
  useShortcuts({
    "mod+e": () => navigate("/new"),
    "mod+k": () => setDialog((now) => (now === "palette" ? undefined : "palette")),
    "?": () => setDialog("help"),
  });
  if (session.isError) {
    if (isSignedOut(session.error)) {
      const next = location.pathname + location.search;
      return <Navigate to="/sign-in" replace state={{ next, refused: refusalOf(session.error) }} />;
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
    <Lend controls={controls} dialogs={dialogs}>
      {session.isSuccess && <LiveAgents />}
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
      <Suspense>
        {dialog === "palette" && <Palette isOpen onOpenChange={() => setDialog(undefined)} />}
        {dialog === "help" && <Help isOpen onOpenChange={() => setDialog(undefined)} />}
      </Suspense>
    </Lend>
  );
}

/** A code that was used or is too old is worth a word; having no session yet is not. */
function refusalOf(error: unknown): string | undefined {
  const used = error instanceof ApiError && error.code === "code_not_valid";
  return used ? explain(error).message : undefined;
}

interface LendProps {
  controls: ShellControls;
  dialogs: ShellDialogs;
  children: ReactNode;
}

function Lend({ controls, dialogs, children }: LendProps) {
  return (
    <ShellContext value={controls}>
      <ShellDialogsContext value={dialogs}>{children}</ShellDialogsContext>
    </ShellContext>
  );
}

function LiveAgents() {
  useLiveAgents();
  useEffect(() => void aheadOfNext(), []);
  return null;
}

/** The server may end a session while its page is open: ask again who is signed in. */
function useSignedOut() {
  const status = useSyncExternalStore(live.subscribe, () => live.status);
  useEffect(() => {
    if (status === "signedOut") void queryClient.invalidateQueries({ queryKey: ["session"] });
  }, [status]);
}
