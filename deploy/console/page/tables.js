// Tables and cards of the pages of lists.

import { h } from "./dom.js";

export function table(heads, rows, none) {
  if (!rows.length) return h("p", { class: "hint" }, none);
  return h("table", {}, h("thead", {}, h("tr", {}, ...heads.map((text) => h("th", { scope: "col" }, text)))), h("tbody", {}, ...rows));
}

export const row = (...cells) => h("tr", {}, ...cells.map((cell) => (cell instanceof Node && cell.tagName === "TD" ? cell : h("td", {}, cell ?? ""))));
export const card = (title, ...inside) => h("section", { class: "card" }, title ? h("h2", {}, title) : null, ...inside);
