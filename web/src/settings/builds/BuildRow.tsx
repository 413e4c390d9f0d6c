import { Pin, PinOff, ScrollText, Trash2 } from "lucide-react";
import { useState } from "react";
import { Link } from "react-router";
import { explain, parted } from "../../api/errors";
import type { BuildBody } from "../../api/types";
import { Badge, StatusDot } from "../../ui/Badge";
import { Button, IconButton } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { Banner } from "../../ui/ErrorState";
import { bytes, plural } from "../../ui/format";
import { Time } from "../../ui/Time";
import { visibleBidi } from "../../ui/untrusted";
import { BuildChanges } from "./BuildChanges";
import styles from "./Builds.module.css";
import { type BuildGroup, forgettingOf, namesOf, originOf, statusOf } from "./builds";
import { useForget, usePin } from "./queries";

/** Digits of a commit that are shown. */
const COMMIT_DIGITS = 10;

/** One build: how it stands, what it holds, and what can be done with it. */
export function BuildRow({ build, group }: { build: BuildBody; group: BuildGroup }) {
  const pin = usePin();
  const status = statusOf(build);
  const isReady = build.status === "READY";
  return (
    <li className={styles.build}>
      <div className={styles.line}>
        <span className={styles.status}>
          <StatusDot {...status} />
        </span>
        <span className={styles.facts}>
          <span>
            {originOf(build)} <Time at={build.createdAt} />
          </span>
          {isReady && <Holds build={build} />}
          {build.pinned && <Badge icon={<Pin aria-hidden="true" />}>Pinned</Badge>}
        </span>
        <span className={styles.actions}>
          {build.origin !== "imported" && <Log build={build} />}
          {isReady && (
            <IconButton
              size="s"
              label={
                build.pinned ? "Unpin: begin with the newest again" : "Pin: stay with this one"
              }
              icon={build.pinned ? <PinOff /> : <Pin />}
              isPending={pin.isPending}
              onPress={() => pin.mutate({ layer: build.layer, pinned: !build.pinned })}
            />
          )}
          <Forget build={build} group={group} />
        </span>
      </div>
      {build.status === "FAILED" && <Why build={build} />}
      {isReady && <BuildChanges build={build} />}
      {pin.isError && <Banner tone="red">{explain(pin.error).message}</Banner>}
    </li>
  );
}

function Holds({ build }: { build: BuildBody }) {
  return (
    <>
      <span>
        {bytes(build.bytes)} in {plural(build.files, "file")}
      </span>
      {build.image != null && <span>on {visibleBidi(build.image)}</span>}
      {build.environment != null && (
        <span>
          of “{visibleBidi(build.environment.name)}”, version {build.environment.version}
        </span>
      )}
      {build.commits.map((commit, at) => (
        <code key={build.repos[at] ?? commit} title={`${build.repos[at] ?? ""} at ${commit}`}>
          {commit.slice(0, COMMIT_DIGITS)}
        </code>
      ))}
    </>
  );
}

function Log({ build }: { build: BuildBody }) {
  const words =
    build.status === "RUNNING" ? "Watch" : build.origin === "kept" ? "Its agent" : "Log";
  return (
    <Link className={styles.log} to={`/agents/${build.id}`}>
      <ScrollText aria-hidden="true" />
      {words}
    </Link>
  );
}

/** Why it failed; what its `install` printed is behind it. */
function Why({ build }: { build: BuildBody }) {
  if (build.failure == null) {
    return <p className={styles.why}>It ended before it was ready. Its log says more.</p>;
  }
  const { first, rest } = parted(visibleBidi(build.failure.message));
  return (
    <div className={styles.why}>
      <p>{first}</p>
      {rest !== "" && (
        <details>
          <summary>What it printed last</summary>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it must scroll by keyboard */}
          <pre tabIndex={0}>{rest}</pre>
        </details>
      )}
    </div>
  );
}

function Forget({ build, group }: { build: BuildBody; group: BuildGroup }) {
  const [isOpen, open] = useState(false);
  const forget = useForget();
  const close = () => {
    forget.reset();
    open(false);
  };
  return (
    <>
      <IconButton size="s" label="Forget this build" icon={<Trash2 />} onPress={() => open(true)} />
      <Dialog
        role="alertdialog"
        size="s"
        isOpen={isOpen}
        onOpenChange={close}
        title={`Forget this build of ${namesOf(group.repos)}?`}
        footer={
          <>
            <Button onPress={close}>Keep it</Button>
            <Button
              variant="danger"
              isPending={forget.isPending}
              onPress={() => forget.mutate({ layer: build.layer }, { onSuccess: close })}
            >
              Forget it
            </Button>
          </>
        }
      >
        <p>{forgettingOf(build, group.builds)}</p>
        {forget.isError && <Banner tone="red">{explain(forget.error).message}</Banner>}
      </Dialog>
    </>
  );
}
