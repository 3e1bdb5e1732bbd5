// Numerics beside the heart rate: label, value and unit, in the colour of an alarm about them.

import { h, setClass, setText } from "./dom.js";
import { store } from "./store.js";

export const NO_VALUE = "---";

export class Numbers {
  // Where `whole`, with units and with the mean of a pressure.
  constructor(whole = false) {
    this.whole = whole;
    this.most = whole ? 12 : 0;
    this.element = h("ul", { class: "numbers", "aria-label": "Numerics" });
    this.rows = [];
  }

  // As many as there is room for; asked for where tiles are laid out, not at every look.
  room(px) {
    const size = parseFloat(getComputedStyle(this.element).fontSize) * 1.25;
    this.most = Math.max(0, Math.min(4, Math.floor(px / (size * 1.05))));
  }

  show(patient) {
    const all = (patient.numerics ?? []).filter(([label]) => this.whole || label !== "HR");
    const shown = all.slice(0, this.most);
    while (this.rows.length > shown.length) this.rows.pop().row.remove();
    while (this.rows.length < shown.length) this.rows.push(this.make());
    shown.forEach(([label, text, unit, channels], i) => {
      const { row, name, value } = this.rows[i], told = text ?? NO_VALUE;
      setText(name, this.whole && unit ? `${label} ${unit}` : label);
      setText(value, this.whole ? told : told.split(" ")[0]);
      setClass(row, `${store.alarmOf(patient, channels)}${this.whole && told.length > 5 ? " wide" : ""}`.trim());
    });
    return all.map(([label, text, unit]) => `, ${label} ${text ?? "unknown"} ${text ? unit : ""}`.trimEnd()).join("");
  }

  make() {
    const name = h("span"), value = h("b"), row = h("li", {}, name, value);
    this.element.append(row);
    return { row, name, value };
  }
}
