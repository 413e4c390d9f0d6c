import type { ReactNode } from "react";
import {
  Tab as AriaTab,
  TabList as AriaTabList,
  TabPanel as AriaTabPanel,
  Tabs as AriaTabs,
  type TabPanelProps,
  type TabProps,
} from "react-aria-components";
import { NavLink } from "react-router";
import { cx } from "./cx";
import styles from "./Tabs.module.css";

interface TabsProps {
  /** Read aloud. */
  label: string;
  selected?: string;
  onSelect?(key: string): void;
  /** `Tab`s. */
  tabs: ReactNode;
  /** `TabPanel`s. */
  children: ReactNode;
  className?: string;
}

/** Tabs within a page. For tabs that are addresses, take `NavTabs`. */
export function Tabs({ label, selected, onSelect, tabs, children, className }: TabsProps) {
  return (
    <AriaTabs
      className={cx(styles.tabs, className)}
      {...(selected !== undefined && { selectedKey: selected })}
      onSelectionChange={(key) => onSelect?.(String(key))}
    >
      <AriaTabList className={styles.list ?? ""} aria-label={label}>
        {tabs}
      </AriaTabList>
      {children}
    </AriaTabs>
  );
}

/** One tab. */
export function Tab(props: Omit<TabProps, "className">) {
  return <AriaTab {...props} className={styles.tab ?? ""} />;
}

/** What one tab shows. */
export function TabPanel(props: Omit<TabPanelProps, "className">) {
  return <AriaTabPanel {...props} className={styles.panel ?? ""} />;
}

export interface NavTab {
  to: string;
  label: string;
  icon?: ReactNode;
  /** Small figure after the label. */
  count?: ReactNode;
  /** Only when the address is exactly this. */
  end?: boolean;
}

/** Tabs that are links, so that each has an address of its own. */
export function NavTabs({
  label,
  tabs,
  bottom,
}: {
  label: string;
  tabs: NavTab[];
  bottom?: boolean;
}) {
  return (
    <nav aria-label={label} className={cx(styles.list, bottom && styles.bottom)}>
      {tabs.map((tab) => (
        <NavLink
          key={tab.to}
          to={tab.to}
          end={tab.end ?? false}
          className={({ isActive }) => cx(styles.tab, isActive && styles.current)}
        >
          {tab.icon}
          <span>{tab.label}</span>
          {tab.count !== undefined && <span className={styles.count}>{tab.count}</span>}
        </NavLink>
      ))}
    </nav>
  );
}
