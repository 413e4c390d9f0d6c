import { ListFilter as FilterIcon, Layers } from "lucide-react";
import { Header, MenuSection } from "react-aria-components";
import type { StatusFilter } from "../api/agents";
import { useRepositories } from "../api/queries";
import { repositoryName } from "../api/status";
import { IconButton } from "../ui/Button";
import { Menu, MenuItem } from "../ui/Menu";
import { isFiltered, listView, STATUSES } from "./listView";
import styles from "./Sidebar.module.css";
import { useStored } from "./stored";

const ANY = "any repository";

/** The menus that choose which agents the sidebar shows, and how. */
export function ListFilter() {
  const view = useStored(listView);
  const repositories = useRepositories().data ?? [];
  const set = (change: Partial<typeof view>) => listView.set({ ...view, ...change });
  return (
    <>
      <Menu
        label="Filter"
        placement="bottom end"
        trigger={
          <IconButton
            size="s"
            label={isFiltered(view) ? "Filter (on)" : "Filter"}
            icon={<FilterIcon />}
            className={isFiltered(view) ? (styles.on ?? "") : ""}
          />
        }
      >
        <MenuSection
          selectionMode="single"
          selectedKeys={[view.status]}
          onSelectionChange={(keys) => set({ status: first(keys) as StatusFilter })}
        >
          <Header className={styles.section ?? ""}>Status</Header>
          {STATUSES.map(({ id, label }) => (
            <MenuItem key={id} id={id}>
              {label}
            </MenuItem>
          ))}
        </MenuSection>
        <MenuSection
          selectionMode="multiple"
          selectedKeys={view.mine ? ["mine"] : []}
          onSelectionChange={(keys) => set({ mine: keys !== "all" && keys.size > 0 })}
        >
          <Header className={styles.section ?? ""}>Started by</Header>
          <MenuItem id="mine" description="Opened with your key or from this browser">
            Me
          </MenuItem>
        </MenuSection>
        <MenuSection
          selectionMode="single"
          selectedKeys={[view.repository || ANY]}
          onSelectionChange={(keys) => {
            const url = first(keys);
            set({ repository: url === ANY ? "" : url });
          }}
        >
          <Header className={styles.section ?? ""}>Repository</Header>
          <MenuItem id={ANY}>Any</MenuItem>
          {repositories.map(({ url }) => (
            <MenuItem key={url} id={url} description={url}>
              {repositoryName(url)}
            </MenuItem>
          ))}
        </MenuSection>
      </Menu>
      <IconButton
        size="s"
        label={view.grouped ? "Stop grouping by repository" : "Group by repository"}
        icon={<Layers />}
        className={view.grouped ? (styles.on ?? "") : ""}
        onPress={() => set({ grouped: !view.grouped })}
      />
    </>
  );
}

function first(keys: "all" | Iterable<unknown>): string {
  if (keys === "all") return ANY;
  const [key] = keys;
  return key === undefined ? ANY : String(key);
}
