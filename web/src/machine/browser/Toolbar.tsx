import { ArrowLeft, ArrowRight, Power, RotateCw, X } from "lucide-react";
import { type FormEvent, type Ref, useEffect, useRef, useState } from "react";
import { explain } from "../../api/errors";
import { visible } from "../../diff/segments";
import { Button, IconButton } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { Banner } from "../../ui/ErrorState";
import { addressOf, shownAddress } from "./address";
import { useEndBrowser } from "./queries";
import type { SessionState } from "./session";
import styles from "./Toolbar.module.css";
import type { ToBrowser } from "./wire";

interface ToolbarProps {
  agent: string;
  state: SessionState;
  addressRef: Ref<HTMLInputElement>;
  send(message: ToBrowser): void;
}

/** Back, forward, reload, the address, and the end. */
export function Toolbar({ agent, state, addressRef, send }: ToolbarProps) {
  const { page, you } = state;
  const [isEnding, setEnding] = useState(false);
  return (
    <div className={styles.bar}>
      <IconButton
        size="s"
        label="Back"
        icon={<ArrowLeft />}
        isDisabled={!you || !page?.canBack}
        onPress={() => send({ type: "back" })}
      />
      <IconButton
        size="s"
        label="Forward"
        icon={<ArrowRight />}
        isDisabled={!you || !page?.canForward}
        onPress={() => send({ type: "forward" })}
      />
      <IconButton
        size="s"
        label={page?.loading ? "Stop loading" : "Reload"}
        icon={page?.loading ? <X /> : <RotateCw />}
        isDisabled={!you}
        onPress={() => send({ type: page?.loading ? "stop" : "reload" })}
      />
      <Address
        url={page?.url ?? ""}
        isMine={you}
        inputRef={addressRef}
        onGo={(url) => send({ type: "navigate", url })}
      />
      <IconButton
        size="s"
        label="End the browser"
        icon={<Power />}
        onPress={() => setEnding(true)}
      />
      {isEnding && <EndDialog agent={agent} onDone={() => setEnding(false)} />}
      <span className={styles.progress} data-loading={page?.loading || undefined} />
    </div>
  );
}

interface AddressProps {
  url: string;
  isMine: boolean;
  inputRef: Ref<HTMLInputElement>;
  onGo(url: string): void;
}

function Address({ url, isMine, inputRef, onGo }: AddressProps) {
  const [typed, setTyped] = useState<string>();
  const [isWrong, setWrong] = useState(false);
  const before = useRef(url);
  useEffect(() => {
    const isFirst = before.current === "";
    before.current = url;
    // What was typed before the first page was there stays; another page has another address.
    if (isFirst) return;
    setTyped(undefined);
    setWrong(false);
  }, [url]);
  const go = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const address = addressOf(typed ?? url);
    setWrong(address === undefined);
    if (address === undefined) return;
    onGo(address);
    (document.activeElement as HTMLElement | null)?.blur();
  };
  return (
    <form className={styles.form} onSubmit={go}>
      <input
        ref={inputRef}
        className={styles.address}
        type="text"
        inputMode="url"
        aria-label="Address"
        aria-invalid={isWrong || undefined}
        aria-describedby={isWrong ? "browser-address-wrong" : undefined}
        autoComplete="off"
        autoCapitalize="off"
        spellCheck={false}
        placeholder={isMine ? "Type an address, or a port of this machine" : "Empty tab"}
        readOnly={!isMine}
        value={typed ?? visible(shownAddress(url))}
        onFocus={(event) => event.target.select()}
        onChange={(event) => {
          setTyped(event.target.value);
          setWrong(false);
        }}
        onBlur={() => !isWrong && setTyped(undefined)}
        onKeyDown={(event) => {
          if (event.key !== "Escape") return;
          setTyped(undefined);
          setWrong(false);
        }}
      />
      {isWrong && (
        <span id="browser-address-wrong" role="alert" className={styles.wrong}>
          Type a web address: it begins with http or https, or names a host or a port.
        </span>
      )}
    </form>
  );
}

function EndDialog({ agent, onDone }: { agent: string; onDone(): void }) {
  const ending = useEndBrowser(agent);
  return (
    <Dialog
      isOpen
      onOpenChange={(isOpen) => !isOpen && onDone()}
      role="alertdialog"
      size="s"
      title="End the browser?"
      footer={
        <>
          <Button onPress={onDone}>Cancel</Button>
          <Button
            variant="danger"
            isPending={ending.isPending}
            onPress={() => ending.mutate(undefined, { onSuccess: onDone })}
          >
            End it
          </Button>
        </>
      }
    >
      {ending.isError && <Banner tone="red">{explain(ending.error).message}</Banner>}
      <p>
        Its tabs close for everybody who looks on. Sign-ins and history stay until the machine
        sleeps.
      </p>
    </Dialog>
  );
}
