// How alarms look: colour, shape and words, one way everywhere.

import { h, svg, setText, length } from "./dom.js";

const SHAPES = {
  high: ["0 0 24 24", [
    ["path", { d: "M7.500 1.500h9l6 6v9l-6 6h-9l-6-6v-9z", class: "shape" }],
    ["path", { d: "M7.500 6v7M12 6v7M16.500 6v7M7.500 16.500v1.500M12 16.500v1.500M16.500 16.500v1.500", class: "bars" }],
  ]],
  medium: ["0 0 24 24", [
    ["path", { d: "M12 1.500L23 21.500H1z", class: "shape" }],
    ["path", { d: "M9.700 10v5M14.300 10v5M9.700 17.700v1.300M14.300 17.700v1.300", class: "bars" }],
  ]],
  low: ["0 0 24 24", [
    ["circle", { cx: 12, cy: 12, r: 10.5, class: "shape" }],
    ["path", { d: "M12 6.500v7M12 16.500v1.500", class: "bars" }],
  ]],
};

export function sign(priority, label) {
  const [box, paths] = SHAPES[priority] ?? SHAPES.low;
  const made = svg(box, paths, label);
  made.setAttribute("class", `sign ${priority}`);
  return made;
}

const SHORT = {
  ventricular_fibrillation: "Ventricular fibrillation",
  ventricular_tachycardia: "Ventricular tachycardia",
  atrial_fibrillation: "Atrial fibrillation",
  v_run: "Run of V beats",
  non_sustained_ventricular_tachycardia: "Non-sustained VT",
  frequent_vebs: "Frequent V beats",
  unusual_numerics: "Unusual numerics",
  lost_numerics: "Numerics lost",
};

export function words(condition) {
  const text = SHORT[condition] ?? condition.replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

const BRIEF = {
  ventricular_fibrillation: "V-fib", ventricular_tachycardia: "V-tach", extreme_bradycardia: "Extr. brady",
  extreme_tachycardia: "Extr. tachy", atrial_fibrillation: "A-fib", bradycardia: "Brady", tachycardia: "Tachy",
  v_run: "V run", non_sustained_ventricular_tachycardia: "NSVT", supraventricular_tachycardia: "SVT",
  frequent_vebs: "V beats", supraventricular_run: "SV run", irregular_rhythm: "Irregular",
  unusual_numerics: "Numerics", lost_numerics: "No numerics",
};

export const PHASES = { on: "", acknowledged: "acknowledged", latched: "over, not acknowledged" };

// The band under a tile, and in the list of a patient's page.
export class Band {
  constructor() {
    this.icon = h("span", { class: "icon" });
    this.name = h("span", { class: "name" });
    this.state = h("span", { class: "state" });
    this.element = h("div", { class: "band" }, this.icon, this.name, this.state);
  }

  show(line, nowMs, more = 0, brief = false) {
    const kind = line ? `band ${line.priority} ${line.phase}` : "band none";
    if (this.element.className !== kind) {
      this.element.className = kind;
      this.icon.replaceChildren(...(line ? [sign(line.priority)] : []));
    }
    if (!line) {
      this.called = null;
      setText(this.name, "");
      setText(this.state, "");
      return;
    }
    const told = [length((nowMs - line.since_ms) / 1000)];
    if (line.phase === "acknowledged") told.push(brief ? "✓" : `✓ ${line.who || "acknowledged"}`);
    else if (line.phase === "latched") told.push("over");
    if (line.escalated && !brief) told.push(`→ ${line.escalated}`);
    setText(this.state, told.join("  "));
    this.call(line.condition, more > 0 ? ` +${more}` : "", brief);
  }

  // By its whole name where that has room, else by its short one; asks for the room only where it may differ.
  call(condition, more, brief) {
    const key = `${condition}${more}${brief}${this.state.textContent.length}`;
    if (key === this.called) return;
    this.called = key;
    const short = BRIEF[condition] ?? words(condition);
    setText(this.name, (brief ? short : words(condition)) + more);
    if (this.name.scrollWidth > this.name.clientWidth) setText(this.name, short + more);
  }
}

export function bedState(patient, nowMs) {
  const { board } = patient, told = [];
  if (board.standby) told.push(`standby: ${board.standby.why}`);
  const left = (board.paused_until_ms ?? 0) - nowMs;
  if (left > 0) told.push(`audio paused ${length(left / 1000)}`);
  if (patient.vetoed.size) told.push(`pulses veto: ${[...patient.vetoed].map(words).join(", ")}`);
  const off = Object.keys(board.off);
  if (off.length) told.push(`off: ${off.map(words).join(", ")}`);
  return told.join(" · ");
}
