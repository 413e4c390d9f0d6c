import {
  AppWindow,
  Code,
  FolderTree,
  Gauge,
  Globe,
  Images,
  Network,
  SquareTerminal,
} from "lucide-react";
import { lazy, type ReactNode, Suspense, useState } from "react";
import { Navigate, Route, Routes, useParams } from "react-router";
import { Button } from "../ui/Button";
import { Skeleton } from "../ui/Skeleton";
import { NavTabs } from "../ui/Tabs";
import { ArtifactsPage } from "./ArtifactsPage";
import { ConnectDialog } from "./ConnectDialog";
import { MachineGate } from "./MachineGate";
import styles from "./MachinePage.module.css";
import { NetworkPage } from "./NetworkPage";
import { PortsPage } from "./PortsPage";
import { UsagePage } from "./UsagePage";

const TerminalsPage = lazy(() => import("./terminal/TerminalsPage"));
const BrowserPage = lazy(() => import("./browser/BrowserPage"));
const FilesPage = lazy(() => import("./files/FilesPage"));

/** The agent's machine: terminals, files, ports, its browser, what it left, what it uses. */
export default function MachinePage() {
  const { id = "" } = useParams();
  const [isConnecting, setConnecting] = useState(false);
  const base = `/agents/${id}/machine`;
  const inside = (page: ReactNode) => (
    <MachineGate agent={id}>
      <Suspense fallback={<Loading />}>{page}</Suspense>
    </MachineGate>
  );
  return (
    <div className={styles.page}>
      <div className={styles.bar}>
        <NavTabs
          label="Machine"
          tabs={[
            { to: `${base}/terminal`, label: "Terminal", icon: <SquareTerminal /> },
            { to: `${base}/files`, label: "Files", icon: <FolderTree /> },
            { to: `${base}/ports`, label: "Ports", icon: <Network /> },
            { to: `${base}/browser`, label: "Browser", icon: <AppWindow /> },
            { to: `${base}/artifacts`, label: "Artifacts", icon: <Images /> },
            { to: `${base}/network`, label: "Network", icon: <Globe /> },
            { to: `${base}/usage`, label: "Usage", icon: <Gauge /> },
          ]}
        />
        <Button
          size="s"
          variant="quiet"
          icon={<Code />}
          className={styles.connect ?? ""}
          onPress={() => setConnecting(true)}
        >
          Open in VS Code or SSH
        </Button>
      </div>
      <div className={styles.body}>
        <Routes>
          <Route index element={<Navigate to={`${base}/terminal`} replace />} />
          <Route path="terminal/:name?" element={inside(<TerminalsPage agent={id} />)} />
          <Route path="files" element={inside(<FilesPage agent={id} />)} />
          <Route path="ports" element={inside(<PortsPage agent={id} />)} />
          <Route path="browser" element={inside(<BrowserPage agent={id} />)} />
          <Route path="artifacts" element={<ArtifactsPage agent={id} />} />
          <Route path="network" element={<NetworkPage agent={id} />} />
          <Route path="usage" element={inside(<UsagePage agent={id} />)} />
          <Route path="*" element={<Navigate to={`${base}/terminal`} replace />} />
        </Routes>
      </div>
      <ConnectDialog agent={id} isOpen={isConnecting} onOpenChange={setConnecting} />
    </div>
  );
}

function Loading() {
  return (
    <div className={styles.loading}>
      <Skeleton width="30%" />
      <Skeleton width="60%" />
      <Skeleton width="45%" />
    </div>
  );
}
