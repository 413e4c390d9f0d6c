import { lazy, Suspense, useEffect, useRef } from "react";
import { Navigate, NavLink, Route, Routes, useLocation } from "react-router";
import { useServer, useSession } from "../api/queries";
import { PageHeader } from "../app/PageHeader";
import { PageSkeleton } from "../app/PageSkeleton";
import { cx } from "../ui/cx";
import { Banner } from "../ui/ErrorState";
import { type SettingsPageInfo, settingsPages } from "./pages";
import styles from "./Settings.module.css";

const Defaults = lazy(() => import("./DefaultsPage"));
const Security = lazy(() => import("./SecurityPage"));
const Environments = lazy(() => import("./EnvironmentsPage"));
const Environment = lazy(() => import("./environments/EnvironmentPage"));
const NewEnvironment = lazy(async () => ({
  default: (await import("./environments/EnvironmentPage")).NewEnvironmentPage,
}));
const Forges = lazy(() => import("./ForgesPage"));
const Secrets = lazy(() => import("./SecretsPage"));
const Network = lazy(() => import("./NetworkPage"));
const Aws = lazy(() => import("./AwsPage"));
const Keys = lazy(() => import("./KeysPage"));
const Audit = lazy(() => import("./AuditPage"));
const Appearance = lazy(() => import("./AppearancePage"));
const About = lazy(() => import("./AboutPage"));
const Configured = lazy(() => import("./ConfiguredPage"));

/** What holds for the installation and for this browser. */
export default function SettingsPage() {
  const pages = settingsPages(useServer().data?.features ?? []);
  const admin = useSession().data?.admin ?? false;
  const nav = useRef<HTMLElement>(null);
  const { pathname } = useLocation();
  // biome-ignore lint/correctness/useExhaustiveDependencies: again whenever another page is shown
  useEffect(() => {
    nav.current
      ?.querySelector("[aria-current]")
      ?.scrollIntoView({ block: "nearest", inline: "center" });
  }, [pathname]);
  return (
    <>
      <PageHeader title="Settings" />
      <div className={styles.frame}>
        <nav ref={nav} className={styles.nav} aria-label="Settings">
          <Links pages={pages.filter(({ place }) => place === "here")} />
          <h2 className={styles.place}>In the configuration</h2>
          <Links pages={pages.filter(({ place }) => place === "configuration")} />
        </nav>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: long pages without controls scroll by keyboard */}
        <section className={styles.scroll} aria-label="Page" tabIndex={0}>
          <div className={styles.column}>
            {!admin && !isForEverybody(pathname) && (
              <Banner>
                You can read these settings. Changing what holds for everybody needs the
                installation's own key.
              </Banner>
            )}
            <Suspense fallback={<PageSkeleton />}>
              <Routes>
                <Route index element={<Navigate to="defaults" replace />} />
                <Route path="defaults" element={<Defaults />} />
                <Route path="security" element={<Security />} />
                <Route path="environments" element={<Environments />} />
                <Route path="environments/new" element={<NewEnvironment />} />
                <Route path="environments/:id" element={<Environment />} />
                <Route path="forges" element={<Forges />} />
                <Route path="secrets" element={<Secrets />} />
                <Route path="network" element={<Network />} />
                <Route path="aws" element={<Aws />} />
                <Route path="keys" element={<Keys />} />
                <Route path="audit" element={<Audit />} />
                <Route path="appearance" element={<Appearance />} />
                <Route path="server" element={<About />} />
                <Route path="*" element={<Configured />} />
              </Routes>
            </Suspense>
          </div>
        </section>
      </div>
    </>
  );
}

/** Pages where whoever is signed in may change something: builds, own secrets, the colours of this browser. */
function isForEverybody(pathname: string): boolean {
  return /\/settings\/(environments|secrets|appearance)$/.test(pathname);
}

function Links({ pages }: { pages: readonly SettingsPageInfo[] }) {
  return pages.map(({ path, title }) => (
    <NavLink
      key={path}
      to={`/settings/${path}`}
      className={({ isActive }) => cx(styles.link, isActive && styles.current)}
    >
      {title}
    </NavLink>
  ));
}
