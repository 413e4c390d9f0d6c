import { Monitor, Moon, Sun } from "lucide-react";
import { Radio, RadioGroup } from "react-aria-components";
import { setTheme, type Theme, useTheme } from "../app/theme";
import styles from "./Appearance.module.css";
import { Section } from "./Section";

const THEMES = [
  { id: "system", label: "As the device", Icon: Monitor },
  { id: "light", label: "Light", Icon: Sun },
  { id: "dark", label: "Dark", Icon: Moon },
] as const;

/** How the app looks in this browser. */
export default function AppearancePage() {
  const theme = useTheme();
  return (
    <Section title="Colours" description="For this browser only.">
      <RadioGroup
        aria-label="Colours"
        className={styles.themes ?? ""}
        value={theme}
        onChange={(value) => setTheme(value as Theme)}
        orientation="horizontal"
      >
        {THEMES.map(({ id, label, Icon }) => (
          <Radio key={id} value={id} className={styles.theme ?? ""}>
            <Icon aria-hidden="true" />
            {label}
          </Radio>
        ))}
      </RadioGroup>
    </Section>
  );
}
