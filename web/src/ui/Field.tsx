import { ChevronDown } from "lucide-react";
import { type ReactNode, type Ref, useId } from "react";
import {
  Button as AriaButton,
  Checkbox as AriaCheckbox,
  Select as AriaSelect,
  Switch as AriaSwitch,
  TextArea as AriaTextArea,
  TextField as AriaTextField,
  FieldError,
  Input,
  Label,
  ListBox,
  ListBoxItem,
  Popover,
  SelectValue,
  Text,
} from "react-aria-components";
import { cx } from "./cx";
import styles from "./Field.module.css";
import menu from "./Menu.module.css";

interface FieldProps {
  label: string;
  /** Keeps the label for screen readers only. */
  hideLabel?: boolean;
  description?: ReactNode;
  /** What is wrong and what to do; marks the field as invalid. */
  error?: string | undefined;
  className?: string;
}

interface TextFieldProps extends FieldProps {
  value: string;
  onChange(value: string): void;
  placeholder?: string;
  type?: "text" | "password" | "search" | "number";
  mono?: boolean;
  isDisabled?: boolean;
  isRequired?: boolean;
  autoFocus?: boolean;
  autoComplete?: string;
  maxLength?: number;
  onBlur?(): void;
  inputRef?: Ref<HTMLInputElement>;
  /** Shown inside, before the text. */
  icon?: ReactNode;
}

/** A one-line text field. */
export function TextField(props: TextFieldProps) {
  const { label, hideLabel, description, error, className, mono, placeholder, icon } = props;
  const { inputRef, autoComplete = "off", type = "text", ...rest } = props;
  return (
    <AriaTextField
      value={rest.value}
      onChange={rest.onChange}
      type={type}
      isDisabled={rest.isDisabled ?? false}
      isRequired={rest.isRequired ?? false}
      isInvalid={error !== undefined}
      autoFocus={rest.autoFocus ?? false}
      autoComplete={autoComplete}
      {...(rest.maxLength !== undefined && { maxLength: rest.maxLength })}
      {...(rest.onBlur && { onBlur: rest.onBlur })}
      className={cx(styles.field, className)}
    >
      <Label className={cx(styles.label, hideLabel && "visually-hidden")}>{label}</Label>
      <span className={styles.control}>
        {icon !== undefined && <span className={styles.icon}>{icon}</span>}
        <Input
          {...(inputRef && { ref: inputRef })}
          className={cx(styles.input, mono && styles.mono, icon !== undefined && styles.withIcon)}
          placeholder={placeholder ?? ""}
          spellCheck={mono ? "false" : "true"}
        />
      </span>
      <Below description={description} error={error} />
    </AriaTextField>
  );
}

interface TextAreaProps extends FieldProps {
  value: string;
  onChange(value: string): void;
  placeholder?: string;
  rows?: number;
  mono?: boolean;
  isDisabled?: boolean;
  onBlur?(): void;
  textAreaRef?: Ref<HTMLTextAreaElement>;
}

/** A text field of several lines. */
export function TextArea(props: TextAreaProps) {
  const { label, hideLabel, description, error, className, rows = 4, placeholder } = props;
  return (
    <AriaTextField
      value={props.value}
      onChange={props.onChange}
      isInvalid={error !== undefined}
      isDisabled={props.isDisabled ?? false}
      {...(props.onBlur && { onBlur: props.onBlur })}
      className={cx(styles.field, className)}
    >
      <Label className={cx(styles.label, hideLabel && "visually-hidden")}>{label}</Label>
      <AriaTextArea
        {...(props.textAreaRef && { ref: props.textAreaRef })}
        className={cx(styles.input, styles.area, props.mono && styles.mono)}
        rows={rows}
        placeholder={placeholder ?? ""}
      />
      <Below description={description} error={error} />
    </AriaTextField>
  );
}

export interface Choice {
  id: string;
  label: string;
  description?: string;
}

interface SelectProps extends FieldProps {
  choices: readonly Choice[];
  value: string;
  onChange(id: string): void;
  placeholder?: string;
  isDisabled?: boolean;
  /** Without a border, for toolbars. */
  quiet?: boolean;
  icon?: ReactNode;
}

/** One of a few choices. */
export function Select(props: SelectProps) {
  const { label, hideLabel, description, error, className, choices, quiet, icon } = props;
  return (
    <AriaSelect
      value={props.value}
      onChange={(key) => key !== null && props.onChange(String(key))}
      isInvalid={error !== undefined}
      isDisabled={props.isDisabled ?? false}
      placeholder={props.placeholder ?? "Choose…"}
      className={cx(styles.field, className)}
    >
      <Label className={cx(styles.label, hideLabel && "visually-hidden")}>{label}</Label>
      <AriaButton className={cx(styles.select, quiet && styles.quiet)}>
        {icon}
        <SelectValue className={styles.selectValue ?? ""}>
          {({ selectedText, defaultChildren }) => selectedText || defaultChildren}
        </SelectValue>
        <ChevronDown aria-hidden="true" />
      </AriaButton>
      <Below description={description} error={error} />
      <Popover className={menu.popover ?? ""} offset={4}>
        <ListBox className={menu.menu ?? ""} items={choices}>
          {(choice: Choice) => (
            <ListBoxItem
              id={choice.id}
              textValue={choice.label}
              className={cx(menu.item, styles.option)}
            >
              <span className={menu.text}>
                <Text slot="label" className={menu.label ?? ""}>
                  {choice.label}
                </Text>
                {choice.description !== undefined && (
                  <Text slot="description" className={menu.detail ?? ""}>
                    {choice.description}
                  </Text>
                )}
              </span>
            </ListBoxItem>
          )}
        </ListBox>
      </Popover>
    </AriaSelect>
  );
}

interface SwitchProps {
  label: string;
  description?: ReactNode;
  isSelected: boolean;
  onChange(isSelected: boolean): void;
  isDisabled?: boolean;
}

/** Something that is on or off, and takes effect at once. */
export function Switch({ label, description, isSelected, onChange, isDisabled }: SwitchProps) {
  const id = useId();
  return (
    <div className={styles.switchRow}>
      <AriaSwitch
        className={styles.switch ?? ""}
        isSelected={isSelected}
        onChange={onChange}
        isDisabled={isDisabled ?? false}
        {...(description !== undefined && { "aria-describedby": id })}
      >
        <span className={styles.switchText}>{label}</span>
        <span className={styles.track} aria-hidden="true">
          <span className={styles.thumb} />
        </span>
      </AriaSwitch>
      {description !== undefined && (
        <div id={id} className={styles.description}>
          {description}
        </div>
      )}
    </div>
  );
}

interface CheckboxProps {
  children: ReactNode;
  isSelected: boolean;
  onChange(isSelected: boolean): void;
}

/** A choice that is part of a form or a list. */
export function Checkbox({ children, isSelected, onChange }: CheckboxProps) {
  return (
    <AriaCheckbox className={styles.checkbox ?? ""} isSelected={isSelected} onChange={onChange}>
      <span className={styles.box} aria-hidden="true">
        <svg viewBox="0 0 12 12" aria-hidden="true">
          <path d="m2.5 6.2 2.4 2.4 4.6-5" />
        </svg>
      </span>
      {children}
    </AriaCheckbox>
  );
}

function Below({ description, error }: { description: ReactNode; error: string | undefined }) {
  return (
    <>
      {description !== undefined && error === undefined && (
        <Text slot="description" className={styles.description ?? ""}>
          {description}
        </Text>
      )}
      <FieldError className={styles.error ?? ""}>{error}</FieldError>
    </>
  );
}
