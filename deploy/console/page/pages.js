// Lists and figures: alarms, feedback, the system, models, dead letters, audits, who did what.

import { h, clock, length } from "./dom.js";
import { get, may } from "./api.js";
import { store } from "./store.js";
import { sign, words } from "./alarmview.js";
import { disputeDialog, VERDICTS } from "./actions.js";
import { openStrip } from "./strip.js";
import { card, row, table } from "./tables.js";
import { driftPage, lineageCards } from "./reports.js";

const bedOf = (id) => store.patients.get(id)?.bed ?? id;
const number = (v) => (Math.abs(v) >= 1e6 ? `${(v / 1e6).toFixed(1)} M` : Math.abs(v) >= 1e4 ? `${(v / 1e3).toFixed(1)} k` : String(Math.round(v * 1000) / 1000));

const MAKERS = {
  alarms: {
    title: "Alarms", lead: "Changes of alarms of all patients, the newest first.", every: 3000,
    async fill() {
      const { alarms } = await get("/api/alarms?most=300");
      return [card("", table(["When", "Bed", "Condition", "Change", "Heart rate", "Quality", ""], alarms.map((a) => row(
        clock(Date.parse(a.decided.utc)), bedOf(a.stream_id),
        h("td", {}, sign(a.priority, `${a.priority} priority`), words(a.condition)),
        a.state + (a.acknowledgement ? ` by ${a.acknowledgement.by}` : ""),
        a.heart_rate_bpm === null ? "" : Math.round(a.heart_rate_bpm),
        a.quality.index === null ? "" : `${Math.round(100 * a.quality.index)} %`,
        h("td", {}, h("button", { type: "button", onclick: () => openStrip(a.stream_id, { alarm: a }) }, "Strip")),
      )), "No alarm yet."))];
    },
  },
  feedback: {
    title: "Feedback", lead: "What people said of alarms and beats. Nothing is changed or taken out; what is disputed stays beside.", every: 5000,
    async fill() {
      const { feedback } = await get("/api/feedback?most=300");
      return [card("", table(["#", "When", "Bed", "About", "Said", "Why", "Who", ""], feedback.map((f) => row(
        f.id, clock(f.at_ms), bedOf(f.stream_id),
        f.condition ? words(f.condition) : `beat at ${f.sample}`,
        VERDICTS[f.verdict] + (f.label ? `: ${f.label}` : "") + (f.disputes ? `, disputes #${f.disputes}` : ""),
        f.why, f.who,
        may("clinician") ? h("button", { type: "button", onclick: () => disputeDialog(f) }, "Dispute") : "",
      )), "Nobody has given feedback yet."))];
    },
  },
  system: {
    title: "System", lead: "What this console and its monitor count.", every: 2000,
    async fill() {
      const told = await get("/api/health"), m = told.metrics;
      const figure = (value, label) => h("div", { class: "figure" }, h("b", {}, value), h("span", {}, label));
      const mean = (name) => (m[`${name}_count`] ? `${((1000 * m[`${name}_sum`]) / m[`${name}_count`]).toFixed(1)} ms` : "–");
      return [h("div", { class: "figures" },
        figure(told.patients, "patients"), figure(told.browsers, "browsers"),
        figure(length((told.now_ms - told.started_ms) / 1000), "running"),
        figure(number(told.counts.frames), "frames"), figure(number(told.counts.beats), "beats"),
        figure(told.counts.alarms, "changes of alarms"), figure(told.counts.dead, "dead letters"),
        figure(mean("vigil_frame_to_alarm_seconds"), "frame to alarm, mean"),
        figure(mean("vigil_score_seconds"), "scoring a batch, mean"),
        figure(m.vigil_lag_seconds === undefined ? "–" : `${number(m.vigil_lag_seconds)} s`, "lag"),
        figure(store.lagMs === undefined ? "–" : `${Math.max(0, Math.round(store.lagMs))} ms`, "server to this page")),
      card("All metrics", table(["Name", "Value"], Object.entries(m).sort().map(([k, v]) => row(h("code", {}, k), h("td", { class: "number" }, number(v)))), "No metrics are told here: give vigil console --metrics."))];
    },
  },
  models: {
    title: "Models", lead: "The models in use, candidates beside them, and those that ship, with their cards.",
    async fill() {
      const [{ models }, beside] = await Promise.all([get("/api/models"), lineageCards()]);
      return [...beside, ...models.map((m) => card(`${m.name} ${m.version}`,
        table([], [
          row("Kind", m.kind), row("Classes", (m.classes ?? []).join(" ")), row("Sampling frequency", `${m.fs} Hz`),
          row("Size", `${(m.size_bytes / 1024).toFixed(0)} KiB`), row("SHA-256", h("code", {}, m.digest)),
          row("Training data", h("code", {}, m.data_digest ?? "")),
        ], ""),
        m.card ? h("details", {}, h("summary", {}, "Model card"), h("pre", {}, m.card)) : null))];
    },
  },
  drift: driftPage,
  "dead-letters": {
    title: "Dead letters", lead: "Messages that could not be read, kept with the reason; the first bytes are shown.", every: 5000,
    async fill() {
      const { dead_letters: dead } = await get("/api/dead-letters?most=200");
      return [card("", table(["Heard", "Reason", "Detail", "Place", "Bytes"], dead.map((d) => row(
        clock(d.heard_ms), d.reason, d.detail, `${d.topic} ${d.partition}:${d.offset}`,
        h("td", {}, `${d.n_bytes} B `, h("code", {}, d.payload.slice(0, 64))),
      )), "No dead letter since this console started."))];
    },
  },
  audits: {
    title: "Audits", lead: "Audits of how groups of patients fare.",
    async fill() {
      const { audits } = await get("/api/audits");
      return [card("", table(["Audit"], audits.map((a) => row(h("a", { href: a.href, target: "_blank", rel: "noopener" }, a.name))),
        "No folder of audits is given: start with --audits FOLDER."))];
    },
  },
  log: {
    title: "Log", lead: "Who did what; each line is bound to the one before by its hash.", every: 5000,
    async fill() {
      const told = await get("/api/audit-log?most=300");
      return [h("p", { class: told.intact ? "intact" : "wrong", role: "status" },
        told.intact ? "✓ Every line is as it was written." : `✕ ${told.why_not}`),
      card("", table(["#", "When", "Who", "What", "Details", "Hash"], told.lines.map((l) => row(
        l.n, l.at.slice(0, 19).replace("T", " "), l.who, l.what, h("code", {}, JSON.stringify(l.details)), h("code", {}, l.hash.slice(0, 10)),
      )), ""))];
    },
  },
};

export function make(name) {
  const maker = MAKERS[name];
  const place = h("div", { class: "filled" });
  const element = h("div", { class: "page", tabindex: "0", role: "region", "aria-label": maker.title },
    h("h1", {}, maker.title), h("p", { class: "lead" }, maker.lead), place);
  let timer = 0, closed = false;
  const fill = async () => {
    try {
      const parts = await maker.fill();
      if (!closed && !place.contains(document.activeElement)) place.replaceChildren(...parts);
    } catch (error) {
      if (!closed) place.replaceChildren(h("p", { class: "wrong", role: "alert" }, error.message));
    }
    if (maker.every && !closed) timer = setTimeout(fill, maker.every);
  };
  fill();
  return { element, close() { closed = true; clearTimeout(timer); } };
}
