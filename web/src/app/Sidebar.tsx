import { Plus, Settings } from "lucide-react";
import { Link, useNavigate } from "react-router";
import { Button } from "../ui/Button";
import { Wordmark } from "../ui/Wordmark";
import styles from "./Sidebar.module.css";

/** All agents, and the ways to everything else. */
export function Sidebar({ onGo }: { onGo?: () => void }) {
  const navigate = useNavigate();
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
        <Button size="s" icon={<Plus />} onPress={() => go("/new")}>
          New
        </Button>
      </div>
      <div className={styles.foot}>
        <Button variant="quiet" size="s" icon={<Settings />} onPress={() => go("/settings")}>
          Settings
        </Button>
      </div>
    </nav>
  );
}
