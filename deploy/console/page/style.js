// Colours that canvases draw with, read from the style sheet once a theme.

let kept = null;

export function sweepStyle() {
  if (kept) return kept;
  const read = getComputedStyle(document.documentElement);
  const of = (name) => read.getPropertyValue(name).trim();
  kept = {
    trace: of("--trace"), V: of("--beat-v"), S: of("--beat-s"), N: of("--beat-n"),
    other: of("--beat-other"), text: of("--text"), muted: of("--muted"), line: of("--line"),
    paper: of("--paper"), fine: of("--paper-fine"), coarse: of("--paper-coarse"),
    ink: of("--paper-ink"), accent: of("--accent"), high: of("--high"), medium: of("--medium"),
    low: of("--low"), panel: of("--panel"), weight: of("--weight"), pulse: of("--pulse"),
  };
  return kept;
}

export function setTheme(name) {
  document.documentElement.dataset.theme = name;
  localStorage.setItem("vigil.theme", name);
  kept = null;
  dispatchEvent(new Event("theme"));
}

export function firstTheme() {
  const told = localStorage.getItem("vigil.theme");
  if (told) return told;
  return matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark";
}

export const theme = () => document.documentElement.dataset.theme;
