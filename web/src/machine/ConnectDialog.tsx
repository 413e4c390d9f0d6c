import { useAgent } from "../api/queries";
import { Badge } from "../ui/Badge";
import { CopyButton } from "../ui/CopyButton";
import { Dialog } from "../ui/Dialog";
import styles from "./ConnectDialog.module.css";

interface ConnectDialogProps {
  agent: string;
  isOpen: boolean;
  onOpenChange(isOpen: boolean): void;
}

/** How to enter the machine with one's own tools. */
export function ConnectDialog({ agent, isOpen, onOpenChange }: ConnectDialogProps) {
  const path = useAgent(agent).data?.repos.length ? "/workspace" : "/";
  return (
    <Dialog isOpen={isOpen} onOpenChange={onOpenChange} title="Open with your own tools" size="m">
      <ol className={styles.ways}>
        <Way title="A shell in your terminal">
          <Command text={`errand ssh ${agent}`} label="Copy the command" />
          <p className={styles.note}>
            Needs the <code>errand</code> command on your computer, signed in to this server.
          </p>
        </Way>
        <Way title="Any tool that speaks SSH: scp, sftp, rsync, an editor">
          <Command text="errand ssh-config >> ~/.ssh/config" label="Copy the command" />
          <Command text={`ssh ${agent}`} label="Copy the command" />
          <p className={styles.note}>
            The first line is needed once: it teaches <code>ssh</code> all machines of this server.
          </p>
        </Way>
        <Way
          title="Visual Studio Code"
          badge={<Badge tone="amber">Not verified on this server</Badge>}
        >
          <p className={styles.note}>
            After the step above, with the Remote - SSH extension installed:
          </p>
          <p>
            <a href={`vscode://vscode-remote/ssh-remote+${agent}${path}`}>Open in VS Code</a>
          </p>
        </Way>
      </ol>
    </Dialog>
  );
}

interface WayProps {
  title: string;
  badge?: React.ReactNode;
  children: React.ReactNode;
}

function Way({ title, badge, children }: WayProps) {
  return (
    <li className={styles.way}>
      <h3 className={styles.title}>
        {title} {badge}
      </h3>
      {children}
    </li>
  );
}

function Command({ text, label }: { text: string; label: string }) {
  return (
    <div className={styles.command}>
      <code>{text}</code>
      <CopyButton text={text} label={label} />
    </div>
  );
}
