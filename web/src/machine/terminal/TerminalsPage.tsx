import { useMutation } from "@tanstack/react-query";
import { Plus, SquareTerminal, Users, X } from "lucide-react";
import { useState } from "react";
import { useNavigate, useParams } from "react-router";
import { call } from "../../api/client";
import { explain } from "../../api/errors";
import { queryClient } from "../../api/queries";
import { Button, IconButton } from "../../ui/Button";
import { cx } from "../../ui/cx";
import { Dialog } from "../../ui/Dialog";
import { EmptyState } from "../../ui/EmptyState";
import { Banner, ErrorState } from "../../ui/ErrorState";
import { Skeleton } from "../../ui/Skeleton";
import { machinePath, type Terminal, useTerminals } from "../queries";
import { Screen } from "./Screen";
import styles from "./TerminalsPage.module.css";

/** Size until the window is measured. */
const FIRST_SIZE = { cols: 120, rows: 32 };

/** The terminals of a machine, one of them open. */
export default function TerminalsPage({ agent }: { agent: string }) {
  const { name: wanted } = useParams();
  const navigate = useNavigate();
  const terminals = useTerminals(agent);
  const [mine, setMine] = useState<string>();
  const [closing, setClosing] = useState<Terminal>();
  const go = (name: string) =>
    navigate(`/agents/${agent}/machine/terminal/${name}`, { replace: true });
  const opening = useMutation({
    mutationFn: (name: string) =>
      call<Terminal>("POST", machinePath(agent, "terminals"), { body: { name, ...FIRST_SIZE } }),
    onSuccess: async ({ name }) => {
      setMine(name);
      await queryClient.invalidateQueries({ queryKey: ["machine", agent, "terminals"] });
      go(name);
    },
  });
  if (terminals.isPending) {
    return (
      <div className={styles.loading}>
        <Skeleton width="30%" />
        <Skeleton width="55%" />
      </div>
    );
  }
  if (terminals.isError && !terminals.data) {
    return (
      <ErrorState
        title="Could not list the terminals"
        error={terminals.error}
        onRetry={() => void terminals.refetch()}
      />
    );
  }
  const found = terminals.data;
  const shown = found.find((each) => each.name === wanted) ?? found[0];
  const open = () => opening.mutate(freeName(found));
  const problem = opening.isError && <Banner tone="red">{explain(opening.error).message}</Banner>;
  if (!shown) {
    return (
      <EmptyState
        icon={<SquareTerminal aria-hidden="true" />}
        title="No terminal is open"
        actions={
          <Button variant="primary" icon={<Plus />} isDisabled={opening.isPending} onPress={open}>
            Open a terminal
          </Button>
        }
      >
        {problem}
        It runs inside the agent's machine, beside the agent. What you type there is not part of the
        conversation.
      </EmptyState>
    );
  }
  return (
    <div className={styles.page}>
      <div className={styles.tabs}>
        <nav aria-label="Terminals" className={styles.names}>
          {found.map((terminal) => (
            <Name
              key={terminal.name}
              terminal={terminal}
              isShown={terminal === shown}
              onGo={() => go(terminal.name)}
              onClose={() => setClosing(terminal)}
            />
          ))}
        </nav>
        <IconButton
          size="s"
          label="Open another terminal"
          icon={<Plus />}
          isDisabled={opening.isPending}
          onPress={open}
        />
      </div>
      {problem}
      <Screen key={shown.name} agent={agent} name={shown.name} wantsToType={shown.name === mine} />
      {closing && (
        <CloseDialog agent={agent} terminal={closing} onDone={() => setClosing(undefined)} />
      )}
    </div>
  );
}

interface NameProps {
  terminal: Terminal;
  isShown: boolean;
  onGo(): void;
  onClose(): void;
}

function Name({ terminal, isShown, onGo, onClose }: NameProps) {
  const { name, alive, shared } = terminal;
  return (
    <span className={cx(styles.name, isShown && styles.shown)}>
      <button
        type="button"
        className={styles.go}
        aria-current={isShown ? "page" : undefined}
        title={shared ? "Shared with the agent" : undefined}
        onClick={onGo}
      >
        {shared ? <Users aria-hidden="true" /> : <SquareTerminal aria-hidden="true" />}
        {name}
        {!alive && <span className={styles.ended}>ended</span>}
      </button>
      <IconButton size="s" label={`Close ${name}`} icon={<X />} onPress={onClose} />
    </span>
  );
}

interface CloseDialogProps {
  agent: string;
  terminal: Terminal;
  onDone(): void;
}

function CloseDialog({ agent, terminal, onDone }: CloseDialogProps) {
  const closing = useMutation({
    mutationFn: () => call("DELETE", machinePath(agent, `terminals/${terminal.name}`)),
    onSuccess: onDone,
    onSettled: () => queryClient.invalidateQueries({ queryKey: ["machine", agent, "terminals"] }),
  });
  return (
    <Dialog
      isOpen
      onOpenChange={(isOpen) => !isOpen && onDone()}
      role="alertdialog"
      size="s"
      title={`Close the terminal ${terminal.name}?`}
      footer={
        <>
          <Button onPress={onDone}>Cancel</Button>
          <Button variant="danger" isPending={closing.isPending} onPress={() => closing.mutate()}>
            Close it
          </Button>
        </>
      }
    >
      {closing.isError && <Banner tone="red">{explain(closing.error).message}</Banner>}
      <p>What runs in it ends, for everybody who looks at it.</p>
    </Dialog>
  );
}

/** `main`, then `shell-2`, `shell-3`, … */
function freeName(found: readonly Terminal[]): string {
  const taken = new Set(found.map((each) => each.name));
  if (!taken.has("main")) return "main";
  let number = 2;
  while (taken.has(`shell-${number}`)) number += 1;
  return `shell-${number}`;
}
