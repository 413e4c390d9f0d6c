import { Globe, Plus, X } from "lucide-react";
import { visible } from "../../diff/segments";
import { IconButton } from "../../ui/Button";
import { cx } from "../../ui/cx";
import { hostOf } from "../../ui/untrusted";
import styles from "./TabStrip.module.css";
import type { BrowserTab } from "./wire";

interface TabStripProps {
  tabs: readonly BrowserTab[];
  /** This window has control. */
  isMine: boolean;
  onSelect(tab: string): void;
  onClose(tab: string): void;
  onOpen(): void;
}

/** The tabs of the browser inside. */
export function TabStrip({ tabs, isMine, onSelect, onClose, onOpen }: TabStripProps) {
  return (
    <div className={styles.strip}>
      <nav aria-label="Tabs of the browser" className={styles.tabs}>
        {tabs.map((tab) => {
          const name = nameOf(tab);
          return (
            <span key={tab.id} className={cx(styles.tab, tab.active && styles.active)}>
              <button
                type="button"
                className={styles.go}
                aria-current={tab.active ? "page" : undefined}
                disabled={!isMine}
                title={visible(tab.url)}
                onClick={() => onSelect(tab.id)}
              >
                <Globe aria-hidden="true" />
                <span className={styles.name}>{name}</span>
              </button>
              {isMine && tabs.length > 1 && (
                <IconButton
                  size="s"
                  label={`Close ${name}`}
                  icon={<X />}
                  onPress={() => onClose(tab.id)}
                />
              )}
            </span>
          );
        })}
      </nav>
      {isMine && <IconButton size="s" label="Open a tab" icon={<Plus />} onPress={onOpen} />}
    </div>
  );
}

/** TRUST: a page calls itself what it likes; without a name it is called by its host. */
function nameOf({ title, url }: BrowserTab): string {
  if (url === "about:blank" || url === "") return "Empty tab";
  return visible(title === "" || title === url ? hostOf(url) : title);
}
