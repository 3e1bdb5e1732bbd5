// Drift, and models with champion and candidate: what others left in the folder of reports.

import { h, clock, svg } from "./dom.js";
import { get } from "./api.js";
import { card, row, table } from "./tables.js";

// Three digits; what is very large or small as powers of ten.
const short = (v) => {
  if (v === null || v === undefined) return "–";
  if (typeof v !== "number") return String(v);
  if (v === 0 || (Math.abs(v) >= 1e-4 && Math.abs(v) < 1e6)) return String(Number(v.toPrecision(3)));
  const [digits, power] = v.toExponential(1).split("e");
  return `${digits} × 10${[...power.replace("+", "")].map((c) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[c] ?? "⁻").join("")}`;
};
const figureName = (c) => c.figure.replace(new RegExp(`_${(c.unit || "-").toLowerCase()}$`), "").replaceAll("_", " ");
const day = (ms) => `${new Date(ms).toISOString().slice(0, 10)} ${clock(ms)}`;
const mark = (kind, text) => h("span", { class: `verdict ${kind}` }, text);
const STATES = { drift: ["bad", "✕ drift"], watched: ["good", "✓ as it was"], too_few: ["open", "… too few yet"] };

const middle = (spread, unit) => {
  if (!spread?.n) return "–";
  if (spread.mix) return Object.entries(spread.mix).slice(0, 3).map(([k, v]) => `${k} ${Math.round(100 * v)} %`).join(", ");
  return `${short(spread.median)}${unit ? ` ${unit}` : ""}`;
};

// Evidence against time: log 10, the limit as a line. Read aloud it is its last value.
function evidence(cell) {
  const points = cell.trace ?? [], top = Math.log10(cell.limit || 1);
  const low = Math.min(0, ...points), high = Math.max(top, ...points), wide = 160, tall = 32;
  const y = (v) => (2 + (tall - 4) * (1 - (v - low) / (high - low || 1))).toFixed(1);
  const x = (i) => ((wide * i) / Math.max(1, points.length - 1)).toFixed(1);
  const made = svg(`0 0 ${wide} ${tall}`, [
    ["path", { d: `M0 ${y(top)}H${wide}`, stroke: "currentColor", "stroke-dasharray": "3 3", fill: "none", opacity: 0.7 }],
    ["path", { d: points.map((v, i) => `${i ? "L" : "M"}${x(i)} ${y(v)}`).join("") || "M0 0", stroke: "currentColor", "stroke-width": 1.5, fill: "none" }],
  ]);
  made.setAttribute("width", wide);
  made.setAttribute("height", tall);
  return h("span", { role: "img", "aria-label": `evidence ${short(cell.evidence)} of ${short(cell.limit)}` }, made);
}

const none = (given, what) => h("p", { class: "hint" }, given ? `No ${what} stands in the folder of reports.` : "No folder of reports is given: start with --reports FOLDER.");

function watch(w) {
  const order = { drift: 0, watched: 1, too_few: 2 };
  const cells = [...w.cells].sort((a, b) => order[a.state] - order[b.state] || b.evidence / b.limit - a.evidence / a.limit);
  return card(`${w.title}: ${w.drifts ? `${w.drifts} ${w.drifts === 1 ? "drift" : "drifts"}` : "no drift"}`,
    h("p", { class: "hint" }, `${w.patients} patients; written ${day(w.at_ms)}; false alarms over the whole watch at most ${short(100 * w.alpha)} %.`),
    table(["Figure", "Of", "State", "Before", "Now", "Evidence", "Limit", "Over time"], cells.map((c) => row(
      h("td", { title: c.text }, figureName(c)), c.by === "all" ? "all patients" : `${c.by} ${c.group}`,
      h("td", {}, mark(...(STATES[c.state] ?? ["open", c.state]))),
      middle(c.reference, c.unit), middle(c.running, c.unit),
      h("td", { class: "number" }, short(c.evidence)), h("td", { class: "number" }, short(c.limit)), h("td", {}, evidence(c)),
    )), "Nothing is watched yet."));
}

const named = (m) => (m ? `${m.name ?? m.file ?? ""} ${m.version ?? ""}` : "–");

function change(c) {
  const passed = c.outcome === "passed";
  return card(`${c.name}: candidate ${named(c.candidate)} beside champion ${named(c.champion)}`,
    h("p", {}, mark(passed ? "good" : "bad", passed ? "✓ passed every gate" : `✕ stopped by ${c.stopped_by.join(", ")}`), ` ${(c.at ?? "").slice(0, 16).replace("T", " ")}`),
    table(["Gate", "Limit", "Came out", "Decision"], c.gates.map((g) => row(
      g.name, told(g.limit), h("td", { title: g.protocol ?? "" }, g.reason || told(g.measured)),
      h("td", {}, mark(g.decision === "passed" ? "good" : "bad", g.decision === "passed" ? "✓ passed" : `✕ ${g.decision}`)),
    )), "No gate was tried."));
}

const told = (v) => (v !== null && typeof v === "object" ? Object.entries(v).slice(0, 6).map(([k, x]) => `${k.replaceAll("_", " ")} ${short(x !== null && typeof x === "object" ? JSON.stringify(x) : x)}`).join("; ") : short(v));

function shadow(s) {
  const a = s.alarms ?? {};
  return card(`In the shadow: ${s.candidate?.name ?? ""} beside ${s.champion?.name ?? ""}`,
    h("p", { class: "hint" }, `${s.patients} patients, ${short(s.hours)} h of signal; written ${day(s.at_ms)}. Alarms: ${Object.entries(a).map(([k, v]) => `${k.replaceAll("_", " ")} ${v}`).join(", ")}.`),
    table(["Priority", "Champion, an hour", "Candidate, an hour", "Difference", `Interval, ${short(100 * (s.level ?? 0.95))} %`], (s.rates ?? []).map((r) => row(
      r.priority, short(r.champion_per_h), short(r.candidate_per_h), short(r.difference_per_h),
      r.interval_per_h ? `${short(r.interval_per_h[0])} to ${short(r.interval_per_h[1])}` : "too few patients",
    )), "No alarm of either."));
}

export const driftPage = {
  title: "Drift", lead: "Are signal, scores and alarms still what they were? A patient counts once.", every: 10000,
  async fill() {
    const { given, watches } = await get("/api/drift");
    return watches.length ? watches.map(watch) : [none(given, "watch for drift")];
  },
};

export async function lineageCards() {
  const { given, in_use: used, changes, shadows } = await get("/api/lineage");
  const found = [...shadows.map(shadow), ...changes.map(change)];
  return [
    card("In use", table(["Model", "Version", "SHA-256", "Patients whose latest alarm it raised"], used.map((m) => row(
      m.name, m.version, h("code", {}, m.digest.slice(0, 16)), m.patients)), "No alarm has told yet which models are in use.")),
    ...(found.length ? found : [card("Candidates", none(given, "comparison and no record of a change"))]),
  ];
}
