import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { CornerDownLeft, Search } from "lucide-react";
import { useState } from "react";
import {
  Autocomplete,
  Dialog,
  Header,
  Input,
  Menu,
  MenuItem,
  MenuSection,
  Modal,
  ModalOverlay,
  TextField,
} from "react-aria-components";
import { useNavigate } from "react-router";
import { api, unwrap } from "../api/client";
import { agentStatus, repositoryName } from "../api/status";
import type { Agent } from "../api/types";
import { StatusDot } from "../ui/Badge";
import { Kbd } from "../ui/Kbd";
import { type Command, findCommands } from "./commands";
import styles from "./Palette.module.css";
import { useCommands } from "./useCommands";

const AGENTS_SHOWN = 6;

interface PaletteProps {
  isOpen: boolean;
  onOpenChange(isOpen: boolean): void;
}

/** Finds agents and everything that can be done, by typing. */
export function Palette({ isOpen, onOpenChange }: PaletteProps) {
  return (
    <ModalOverlay
      className={styles.scrim ?? ""}
      isOpen={isOpen}
      onOpenChange={onOpenChange}
      isDismissable
    >
      <Modal className={styles.modal ?? ""}>
        <Dialog aria-label="Search and commands" className={styles.dialog ?? ""}>
          <Finder onDone={() => onOpenChange(false)} />
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}

function Finder({ onDone }: { onDone(): void }) {
  const [typed, setTyped] = useState("");
  const navigate = useNavigate();
  const commands = findCommands(useCommands(), typed);
  const agents = useFoundAgents(typed);
  const nothing = commands.length === 0 && agents.length === 0;
  return (
    <Autocomplete inputValue={typed} onInputChange={setTyped} disableAutoFocusFirst={false}>
      <TextField aria-label="Search agents and commands" className={styles.field ?? ""} autoFocus>
        <Search aria-hidden="true" />
        <Input className={styles.input ?? ""} placeholder="Search agents and commands…" />
      </TextField>
      {nothing && <p className={styles.nothing}>Nothing fits “{typed}”.</p>}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
      <div className={styles.results} tabIndex={0}>
        <Menu aria-label="Results" className={styles.menu ?? ""} onAction={onDone}>
          {agents.length > 0 && (
            <MenuSection>
              <Header className={styles.section ?? ""}>Agents</Header>
              {agents.map((agent) => (
                <AgentItem key={agent.id} agent={agent} onGo={navigate} />
              ))}
            </MenuSection>
          )}
          {commands.length > 0 && (
            <MenuSection>
              <Header className={styles.section ?? ""}>Commands</Header>
              {commands.map((command) => (
                <CommandItem key={command.id} command={command} />
              ))}
            </MenuSection>
          )}
        </Menu>
      </div>
    </Autocomplete>
  );
}

function AgentItem({ agent, onGo }: { agent: Agent; onGo(to: string): void }) {
  const status = agentStatus(agent);
  const repository = agent.repos[0]?.url;
  return (
    <MenuItem
      id={agent.id}
      textValue={agent.name}
      className={styles.item ?? ""}
      onAction={() => onGo(`/agents/${agent.id}`)}
    >
      <StatusDot {...status} dotOnly />
      <span className={styles.label}>{agent.name}</span>
      <span className={styles.detail}>{repository && repositoryName(repository)}</span>
      <CornerDownLeft className={styles.enter} aria-hidden="true" />
    </MenuItem>
  );
}

function CommandItem({ command }: { command: Command }) {
  return (
    <MenuItem
      id={command.id}
      textValue={command.label}
      className={styles.item ?? ""}
      onAction={command.run}
    >
      <span className={styles.label}>{command.label}</span>
      {command.shortcut === undefined ? (
        <CornerDownLeft className={styles.enter} aria-hidden="true" />
      ) : (
        <Kbd keys={command.shortcut} />
      )}
    </MenuItem>
  );
}

function useFoundAgents(typed: string): Agent[] {
  const search = typed.trim();
  const found = useQuery({
    queryKey: ["found", search],
    queryFn: async ({ signal }) => {
      const query = { limit: AGENTS_SHOWN, ...(search !== "" && { search }) };
      return (await unwrap(api.GET("/v1/agents", { params: { query }, signal }))).items;
    },
    placeholderData: keepPreviousData,
    staleTime: 5_000,
  });
  return found.data ?? [];
}
