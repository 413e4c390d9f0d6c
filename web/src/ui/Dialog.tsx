import { X } from "lucide-react";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { Dialog as AriaDialog, Heading, Modal, ModalOverlay } from "react-aria-components";
import { IconButton } from "./Button";
import { cx } from "./cx";
import styles from "./Dialog.module.css";

interface DialogProps {
  isOpen: boolean;
  onOpenChange(isOpen: boolean): void;
  title: string;
  children: ReactNode;
  /** Buttons, the one that acts last. */
  footer?: ReactNode;
  size?: "s" | "m" | "l";
  /** `alertdialog` for what cannot be undone. */
  role?: "dialog" | "alertdialog";
}

/** A modal window with a title, a body and its buttons. */
export function Dialog(props: DialogProps) {
  const { isOpen, onOpenChange, title, children, footer, size = "m", role = "dialog" } = props;
  return (
    <ModalOverlay
      className={styles.scrim ?? ""}
      isOpen={isOpen}
      onOpenChange={onOpenChange}
      isDismissable={role === "dialog"}
    >
      <Modal className={cx(styles.modal, styles[size])}>
        <AriaDialog className={styles.dialog ?? ""} role={role}>
          <header className={styles.head}>
            <Heading slot="title" level={2} className={styles.title ?? ""}>
              {title}
            </Heading>
            <IconButton
              label="Close"
              size="s"
              icon={<X />}
              onPress={() => onOpenChange(false)}
              className={styles.close ?? ""}
            />
          </header>
          <DialogBody>{children}</DialogBody>
          {footer !== undefined && <footer className={styles.footer}>{footer}</footer>}
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  );
}

/** What is too long for the window scrolls, and is then reached by keyboard. */
function DialogBody({ children }: { children: ReactNode }) {
  const body = useRef<HTMLDivElement>(null);
  const [scrolls, setScrolls] = useState(false);
  useEffect(() => {
    const { current } = body;
    if (current === null) return;
    const measure = () => setScrolls(current.scrollHeight > current.clientHeight + 1);
    const observer = new ResizeObserver(measure);
    observer.observe(current);
    measure();
    return () => observer.disconnect();
  }, []);
  return (
    <div ref={body} className={styles.body} {...(scrolls && { tabIndex: 0 })}>
      {children}
    </div>
  );
}

interface SheetProps {
  isOpen: boolean;
  onOpenChange(isOpen: boolean): void;
  label: string;
  children: ReactNode;
}

/** A panel that slides in from the left on a phone. */
export function Sheet({ isOpen, onOpenChange, label, children }: SheetProps) {
  return (
    <ModalOverlay
      className={styles.scrim ?? ""}
      isOpen={isOpen}
      onOpenChange={onOpenChange}
      isDismissable
    >
      <Modal className={styles.sheet ?? ""}>
        <AriaDialog className={styles.sheetDialog ?? ""} aria-label={label}>
          {children}
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  );
}
