import { type ReactNode, useState } from "react";
import { Button } from "./Button";
import { CopyButton } from "./CopyButton";
import { Dialog } from "./Dialog";
import styles from "./Markdown.module.css";
import { hostOf, safeUrl } from "./untrusted";

/** A link of untrusted text: says its true host, and asks before it leads away. */
export function ExternalLink({
  href,
  children,
}: {
  href?: string | undefined;
  children: ReactNode;
}) {
  const [asking, setAsking] = useState(false);
  const url = href === undefined ? undefined : safeUrl(href);
  if (url === undefined) return <span className={styles.dead}>{children}</span>;
  const host = hostOf(url);
  const open = () => {
    setAsking(false);
    window.open(url, "_blank", "noopener,noreferrer");
  };
  return (
    <>
      <a
        href={url}
        target="_blank"
        rel="noopener noreferrer nofollow"
        title={url}
        onClick={(event) => {
          event.preventDefault();
          setAsking(true);
        }}
      >
        {children}
      </a>
      {children === host || children === url ? null : (
        <span className={styles.host}> ({host})</span>
      )}
      <Dialog
        isOpen={asking}
        onOpenChange={setAsking}
        title="Leave Errand?"
        size="s"
        footer={
          <>
            <CopyButton text={url} label="Copy the address" labelled size="m" />
            <Button variant="primary" onPress={open}>
              Open {host}
            </Button>
          </>
        }
      >
        <p>This link was written by an agent or comes from a repository. It leads to</p>
        <p className={styles.address}>{url}</p>
      </Dialog>
    </>
  );
}
