// Everything by keyboard; ? shows what there is.

import { h } from "./dom.js";
import { acknowledge, pause, limitsDialog, openDialog, standby } from "./actions.js";
import { store, firstLine, urgency } from "./store.js";

const HELP = [
  ["Everywhere", [
    ["?", "this help"], ["1 … 9", "pages, from the left"], ["M", "alarm sound on or off, in this browser"],
    ["T", "dark or light"], ["U", "open the most urgent patient"], ["Esc", "close, or back to the wall"],
  ]],
  ["Wall", [
    ["← ↑ ↓ →", "from tile to tile"], ["Enter", "open the patient"], ["/", "search"], ["S", "by urgency or by bed"],
    ["A", "acknowledge: the tile chosen, else the most urgent"], ["P", "pause the sound of that patient, or end it"],
  ]],
  ["Patient", [
    ["A  P", "acknowledge, pause"], ["L", "limits"], ["B", "standby, or end it"],
    ["F", "strip of the latest alarm, and feedback"], ["Page Up, Page Down", "older and newer signal"],
  ]],
  ["Strip", [
    ["← →", "move the caliper"], ["Shift ← →", "move it far"], ["C", "the other caliper"],
    ["+ −", "paper speed"], ["[ ]", "beat before, beat behind"],
  ]],
];

export function showHelp() {
  const parts = HELP.flatMap(([title, keys]) => [
    h("h3", {}, title),
    h("dl", { class: "keys" }, ...keys.map(([key, what]) => h("div", {},
      h("dt", {}, ...key.split("  ").map((k) => h("kbd", {}, k))), h("dd", {}, what)))),
  ]);
  openDialog(h("div", { class: "inside" }, h("div", { class: "row" }, h("h2", {}, "Keys"), h("span", { class: "spacer" }),
    h("button", { type: "button", "data-close": "", autofocus: true }, "Close")), ...parts,
    h("p", { class: "hint" }, "Octagon, red: high priority. Triangle, yellow: medium. Circle, blue: low. " +
      "Filled: nobody has acknowledged. Outlined: acknowledged. Dashed: over, not acknowledged."),
    h("p", { class: "hint" }, "Vigil is for research and teaching. It is not a medical device.")),
  { broad: true });
}

export function mostUrgent() {
  const all = [...store.patients.values()].filter((p) => !p.of && firstLine(p));
  all.sort((a, b) => urgency(a) - urgency(b) || a.index - b.index);
  return all[0] ?? null;
}

export function listenToKeys(app, does) {
  const chosen = () => app.view?.id ?? app.view?.selected?.() ?? mostUrgent()?.id;
  const forPatient = (act) => {
    const id = chosen();
    if (id && store.patients.has(id)) act(id);
  };
  const actions = {
    "?": showHelp, m: does.sound, t: does.theme, s: does.order, "/": does.search,
    a: () => forPatient(acknowledge), p: () => forPatient(pause), l: () => forPatient(limitsDialog),
    b: () => forPatient(standby), f: () => app.view?.latest?.(),
    u: () => { const p = mostUrgent(); if (p) location.hash = `#/patient/${encodeURIComponent(p.id)}`; },
    Escape: () => { if (app.name !== "wall") location.hash = "#/wall"; },
    ArrowLeft: () => app.view?.move?.(-1, 0), ArrowRight: () => app.view?.move?.(1, 0),
    ArrowUp: () => app.view?.move?.(0, -1), ArrowDown: () => app.view?.move?.(0, 1),
    PageUp: () => app.view?.scrollBack?.(-1), PageDown: () => app.view?.scrollBack?.(1),
  };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !app.view) return;
    if (document.querySelector("dialog[open]")) return;
    const typing = event.target.closest?.("input, textarea, select");
    if (typing) {
      if (event.key === "Escape") typing.blur();
      return;
    }
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    let act = actions[key];
    if (/^[1-9]$/.test(key)) {
      const to = does.pages()[Number(key) - 1];
      act = to && (() => { location.hash = to; });
    }
    if (!act || (key.startsWith("Arrow") && !app.view.move) || (key.startsWith("Page") && !app.view.scrollBack)) return;
    event.preventDefault();
    act();
  });
}
