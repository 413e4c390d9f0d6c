import { Undo2 } from "lucide-react";
import { useState } from "react";
import { explain } from "../../api/errors";
import type { EnvironmentBody, EnvironmentVersion } from "../../api/types";
import { Badge } from "../../ui/Badge";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { Banner, ErrorState } from "../../ui/ErrorState";
import { Skeleton } from "../../ui/Skeleton";
import { Time } from "../../ui/Time";
import { visibleBidi } from "../../ui/untrusted";
import rows from "../Rows.module.css";
import styles from "./Environments.module.css";
import { originOf } from "./environments";
import { useRestore, useVersion, useVersions } from "./queries";

interface HistoryProps {
  environment: EnvironmentBody;
  admin: boolean;
  onRestored(): void;
}

/** Every version that is kept; an earlier one can be looked at and brought back. */
export function History({ environment, admin, onRestored }: HistoryProps) {
  const versions = useVersions(environment.id);
  const [shown, show] = useState<EnvironmentVersion>();
  if (versions.isPending) return <Skeleton height={44} radius={6} />;
  if (versions.data === undefined) {
    return (
      <ErrorState
        title="Could not load the history"
        error={versions.error}
        onRetry={() => void versions.refetch()}
      />
    );
  }
  return (
    <>
      <ul className={rows.list} aria-label="Versions">
        {versions.data.map((version) => (
          <li key={version.version} className={rows.item}>
            <div className={styles.version}>
              <span className={rows.facts}>
                <b>Version {version.version}</b>
                <span>{originOf(version)}</span>
                <span>
                  <Time at={version.createdAt} /> by {version.createdBy}
                </span>
                {version.current && <Badge tone="green">Current</Badge>}
              </span>
              <Button
                size="s"
                variant="quiet"
                aria-label={`Show version ${version.version}`}
                onPress={() => show(version)}
              >
                Show
              </Button>
            </div>
          </li>
        ))}
      </ul>
      {shown !== undefined && (
        <Version
          environment={environment}
          version={shown}
          admin={admin}
          onClose={() => show(undefined)}
          onRestored={onRestored}
        />
      )}
    </>
  );
}

interface VersionProps extends HistoryProps {
  version: EnvironmentVersion;
  onClose(): void;
}

function Version({ environment, version, admin, onClose, onRestored }: VersionProps) {
  const whole = useVersion(environment.id, version.version);
  const restore = useRestore(environment);
  const done = () => {
    onRestored();
    onClose();
  };
  const canRestore = admin && version.version !== environment.version;
  return (
    <Dialog
      isOpen
      onOpenChange={onClose}
      title={`Version ${version.version} of “${visibleBidi(environment.name)}”`}
      footer={
        <>
          <Button onPress={onClose}>Close</Button>
          {canRestore && (
            <Button
              variant="primary"
              icon={<Undo2 />}
              isPending={restore.isPending}
              onPress={() => restore.mutate(version.version, { onSuccess: done })}
            >
              Bring this text back
            </Button>
          )}
        </>
      }
    >
      {whole.isPending && <Skeleton height={120} radius={6} />}
      {whole.isError && <Banner tone="red">{explain(whole.error).message}</Banner>}
      {whole.data !== undefined && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it must scroll by keyboard
        <pre className={styles.text} tabIndex={0}>
          {visibleBidi(whole.data.environmentJson ?? "")}
        </pre>
      )}
      {restore.isError && <Banner tone="red">{explain(restore.error).message}</Banner>}
    </Dialog>
  );
}
