/** Something that can be done from anywhere. */
export interface Command {
  id: string;
  label: string;
  /** Shown small, after the label. */
  detail?: string;
  /** Other words that find it. */
  words?: string;
  shortcut?: string;
  run(): void;
}

/** Commands that fit what was typed, best first: each word must begin a word of the command. */
export function findCommands(commands: readonly Command[], typed: string): Command[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return [...commands];
  return commands
    .map((command) => ({ command, score: score(command, words) }))
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score)
    .map(({ command }) => command);
}

const IN_LABEL = 3;
const IN_WORDS = 2;
const WITHIN = 1;

function score(command: Command, words: string[]): number {
  const label = command.label.toLowerCase();
  const others = `${command.words ?? ""} ${command.detail ?? ""}`.toLowerCase();
  let sum = label.startsWith(words.join(" ")) ? IN_LABEL : 0;
  for (const word of words) {
    if (begins(label, word)) sum += IN_LABEL;
    else if (begins(others, word)) sum += IN_WORDS;
    else if (label.includes(word)) sum += WITHIN;
    else return 0;
  }
  return sum;
}

function begins(text: string, word: string): boolean {
  return (
    text.startsWith(word) || text.split(/[^\p{L}\p{N}]+/u).some((each) => each.startsWith(word))
  );
}
