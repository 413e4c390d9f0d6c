import { CopyButton } from "../ui/CopyButton";
import { Dialog } from "../ui/Dialog";
import styles from "./AgentHeader.module.css";

/** How to follow the agent on the command line. */
export function AttachDialog(props: { agent: string; isOpen: boolean; onClose(): void }) {
  const command = `errand attach ${props.agent}`;
  return (
    <Dialog isOpen={props.isOpen} onOpenChange={props.onClose} title="Open in a terminal" size="s">
      <p>On a computer where you are signed in with the errand command line:</p>
      <div className={styles.command}>
        <code>{command}</code>
        <CopyButton text={command} label="Copy the command" />
      </div>
      <p>What you send there and here goes to the same agent.</p>
    </Dialog>
  );
}
