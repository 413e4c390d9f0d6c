import { EyeOff } from "lucide-react";
import { useMemo } from "react";
import { Banner } from "./ErrorState";
import { hiddenIn } from "./hidden";

/** Lines that are named one by one. */
const LINES = 5;

interface HiddenNoteProps {
  text: string;
  /** What the model makes of it. */
  becomes: string;
  className?: string | undefined;
}

/** Says what nobody sees in a text, where there is such. */
export function HiddenNote({ text, becomes, className }: HiddenNoteProps) {
  const hidden = useMemo(() => hiddenIn(text), [text]);
  if (hidden === undefined) return null;
  const named = hidden.lines.slice(0, LINES).join(", ");
  const where = hidden.lines.length === 1 ? `line ${named}` : `lines ${named}`;
  const more = hidden.lines.length > LINES ? " and others" : "";
  return (
    <div className={className}>
      <Banner tone="amber" icon={<EyeOff aria-hidden="true" />}>
        Hidden here: {hidden.words}, in {where}
        {more}. {becomes}
      </Banner>
    </div>
  );
}
