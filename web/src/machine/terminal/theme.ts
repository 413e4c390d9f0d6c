/** The terminal's colours, from the page's. */

import type { ITheme } from "@xterm/xterm";

const LIGHT: ITheme = {
  black: "#1c1a17",
  red: "#b3322f",
  green: "#2f7d4f",
  yellow: "#8a5a06",
  blue: "#2c568f",
  magenta: "#7a3c9a",
  cyan: "#0f6b70",
  white: "#6d675d",
  brightBlack: "#57524a",
  brightRed: "#c33a36",
  brightGreen: "#236340",
  brightYellow: "#7d5206",
  brightBlue: "#3f6fb5",
  brightMagenta: "#8b3a9c",
  brightCyan: "#0b5a5e",
  brightWhite: "#1c1a17",
};

const DARK: ITheme = {
  black: "#2a2d31",
  red: "#e5706a",
  green: "#7cc698",
  yellow: "#e0b566",
  blue: "#8fb5e8",
  magenta: "#c792d6",
  cyan: "#72bdc2",
  white: "#c9c8c5",
  brightBlack: "#8c8c8b",
  brightRed: "#f08e88",
  brightGreen: "#93d6ad",
  brightYellow: "#eccb8a",
  brightBlue: "#a9c8f0",
  brightMagenta: "#d7aee2",
  brightCyan: "#90d0d4",
  brightWhite: "#f4f2ef",
};

/** Read from an element, because the page's colours depend on the theme. */
export function themeOf(element: HTMLElement): ITheme {
  const style = getComputedStyle(element);
  const isDark = luminance(style.backgroundColor) < 0.5;
  return {
    ...(isDark ? DARK : LIGHT),
    background: style.backgroundColor,
    foreground: style.color,
    cursor: style.color,
    cursorAccent: style.backgroundColor,
    // As digits: of a colour by name the terminal makes white.
    overviewRulerBorder: "#00000000",
    scrollbarSliderBackground: isDark ? "#ffffff26" : "#00000022",
    scrollbarSliderHoverBackground: isDark ? "#ffffff40" : "#00000038",
    scrollbarSliderActiveBackground: isDark ? "#ffffff55" : "#0000004d",
    selectionBackground: isDark ? "#5a3a2a" : "#f6d9c8",
  };
}

function luminance(color: string): number {
  const [red = 0, green = 0, blue = 0] = (color.match(/[\d.]+/g) ?? []).map(Number);
  return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255;
}
