import { Dialog } from "../ui/Dialog";
import { Kbd } from "../ui/Kbd";
import styles from "./Help.module.css";

const GROUPS: readonly { title: string; keys: readonly (readonly [string, string])[] }[] = [
  {
    title: "Anywhere",
    keys: [
      ["mod+e", "New agent"],
      ["mod+k", "Search agents and commands"],
      ["?", "This help"],
    ],
  },
  {
    title: "Writing",
    keys: [
      ["mod+enter", "Send"],
      ["esc", "Leave the field"],
    ],
  },
  {
    title: "Conversation",
    keys: [
      ["j", "Next step"],
      ["k", "Previous step"],
      ["e", "Open or fold a step"],
    ],
  },
  {
    title: "Changes",
    keys: [
      ["n", "Next file"],
      ["p", "Previous file"],
      ["v", "Mark as viewed"],
      ["c", "Comment on the line"],
    ],
  },
];

/** Keys, and words that help to find things. */
export function Help({
  isOpen,
  onOpenChange,
}: {
  isOpen: boolean;
  onOpenChange(open: boolean): void;
}) {
  return (
    <Dialog isOpen={isOpen} onOpenChange={onOpenChange} title="Keyboard and help" size="l">
      <div className={styles.groups}>
        {GROUPS.map(({ title, keys }) => (
          <section key={title}>
            <h3>{title}</h3>
            <dl className={styles.keys}>
              {keys.map(([key, does]) => (
                <div key={key}>
                  <dt>{does}</dt>
                  <dd>
                    <Kbd keys={key} />
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
      <h3 className={styles.words}>Words</h3>
      <p>
        An <b>agent</b> is a worker with a conversation, a branch and a machine of its own.
        Elsewhere these are called cloud agents, and formerly <b>background agents</b>. A <b>run</b>{" "}
        is one message of yours and all the work that follows from it. A <b>build</b> prepares a
        machine ahead, so that new agents begin at once.
      </p>
    </Dialog>
  );
}
