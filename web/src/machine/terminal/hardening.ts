// TRUST: everything a terminal prints may be written by an attacker. What is refused here: answers
// that a program could have typed for a person, titles, links with another text than their address,
// the clipboard, colours that hide text. What stays is the screen.

import type { IParser } from "@xterm/xterm";

interface Hardened {
  parser: IParser;
}

/** OSC commands: titles, colours, the working directory, links, notices, the clipboard, shell marks. */
const OSC_REFUSED = [
  0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 50, 51, 52, 99, 104, 105, 110,
  111, 112, 113, 114, 115, 116, 117, 118, 119, 133, 633, 777, 1337,
];

/**
 * Refuses hostile sequences. Questions of programs are answered only while this window types, and
 * then only two that editors cannot do without: what kind of terminal this is (DA1), and where the
 * cursor stands or whether all is well (DSR 5 and 6).
 */
export function harden(terminal: Hardened, mayAnswer: () => boolean): void {
  const { parser } = terminal;
  const refuse = () => true;
  for (const code of OSC_REFUSED) parser.registerOscHandler(code, refuse);
  parser.registerCsiHandler({ final: "c" }, () => !mayAnswer());
  parser.registerCsiHandler({ final: "n" }, () => !mayAnswer());
  for (const prefix of ["?", ">", "="]) {
    parser.registerCsiHandler({ prefix, final: "c" }, refuse);
    parser.registerCsiHandler({ prefix, final: "n" }, refuse);
    parser.registerCsiHandler({ prefix, final: "q" }, refuse);
    parser.registerCsiHandler({ prefix, final: "u" }, refuse);
  }
  parser.registerCsiHandler({ intermediates: "$", final: "p" }, refuse);
  parser.registerCsiHandler({ prefix: "?", intermediates: "$", final: "p" }, refuse);
  // Sizes and positions of the window, and its title.
  parser.registerCsiHandler({ final: "t" }, refuse);
  parser.registerCsiHandler({ final: "x" }, refuse);
  // Reports of settings and of capabilities.
  parser.registerDcsHandler({ intermediates: "$", final: "q" }, refuse);
  parser.registerDcsHandler({ intermediates: "+", final: "q" }, refuse);
}
