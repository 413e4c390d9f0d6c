import {
  CircleHelp,
  Command,
  LogOut,
  Moon,
  Plus,
  Search,
  Settings,
  Sun,
  SunMoon,
} from "lucide-react";
import { useDeferredValue, useState } from "react";
import { Link, useNavigate } from "react-router";
import { useSession } from "../api/queries";
import { Button, IconButton } from "../ui/Button";
import { TextField } from "../ui/Field";
import { Menu, MenuItem, MenuLine } from "../ui/Menu";
import { Wordmark } from "../ui/Wordmark";
import { AgentList } from "./AgentList";
import { useShellDialogs } from "./dialogs";
import { ListFilter } from "./ListFilter";
import { LiveNotice } from "./LiveNotice";
import styles from "./Sidebar.module.css";
import { signOut } from "./session";
import { setTheme, type Theme, useTheme } from "./theme";

/** All agents, and the ways to everything else. */
export function Sidebar({ onGo }: { onGo?: () => void }) {
  const navigate = useNavigate();
  const dialogs = useShellDialogs();
  const [search, setSearch] = useState("");
  const asked = useDeferredValue(search);
  const go = (to: string) => {
    navigate(to);
    onGo?.();
  };
  return (
    <nav className={styles.sidebar} aria-label="Agents">
      <div className={styles.head}>
        <Link to="/" aria-label="Errand, home" className={styles.home} onClick={onGo}>
          <Wordmark />
        </Link>
        <IconButton
          label="Search and commands"
          shortcut="mod+k"
          icon={<Command />}
          onPress={() => {
            onGo?.();
            dialogs.open("palette");
          }}
        />
        <IconButton
          variant="secondary"
          label="New agent"
          shortcut="mod+e"
          icon={<Plus />}
          onPress={() => go("/new")}
        />
      </div>
      <div className={styles.tools}>
        <TextField
          label="Search agents"
          hideLabel
          type="search"
          placeholder="Search agents"
          icon={<Search />}
          value={search}
          onChange={setSearch}
          className={styles.search ?? ""}
        />
        <ListFilter />
      </div>
      <AgentList search={asked} onGo={onGo} />
      <LiveNotice />
      <Foot go={go} />
    </nav>
  );
}

const THEMES: Record<Theme, { icon: typeof Sun; label: string; next: Theme }> = {
  system: { icon: SunMoon, label: "Colours follow your device", next: "light" },
  light: { icon: Sun, label: "Light colours", next: "dark" },
  dark: { icon: Moon, label: "Dark colours", next: "system" },
};

function Foot({ go }: { go(to: string): void }) {
  const dialogs = useShellDialogs();
  const session = useSession();
  const theme = THEMES[useTheme()];
  const Icon = theme.icon;
  return (
    <div className={styles.foot}>
      <Menu
        label="You"
        placement="top start"
        trigger={
          <Button variant="quiet" className={styles.who ?? ""}>
            {session.data?.principal ?? "…"}
          </Button>
        }
      >
        <MenuItem icon={<Settings />} onAction={() => go("/settings")}>
          Settings
        </MenuItem>
        <MenuItem icon={<CircleHelp />} shortcut="?" onAction={() => dialogs.open("help")}>
          Keyboard and help
        </MenuItem>
        <MenuLine />
        <MenuItem icon={<LogOut />} onAction={() => void signOut().then(() => go("/sign-in"))}>
          Sign out
        </MenuItem>
      </Menu>
      <span className={styles.footIcons}>
        <IconButton label={theme.label} icon={<Icon />} onPress={() => setTheme(theme.next)} />
        <IconButton label="Settings" icon={<Settings />} onPress={() => go("/settings")} />
      </span>
    </div>
  );
}
