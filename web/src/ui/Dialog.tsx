import { X } from "lucide-react";
import type { ReactNode } from "react";
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
          <div className={styles.body}>{children}</div>
          {footer !== undefined && <footer className={styles.footer}>{footer}</footer>}
        </AriaDialog>
      </Modal>
    </ModalOverlay>
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
