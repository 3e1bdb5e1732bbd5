// One patient: live leads, signals and what to do about them, trends, events, all of the past.

import { h, setText, clock } from "./dom.js";
import { get, may } from "./api.js";
import { feed } from "./feed.js";
import { store } from "./store.js";
import { acknowledge, alarmOffDialog, alarmOn, limitsDialog, pause, standby } from "./actions.js";
import { Band, bedState, sign, words } from "./alarmview.js";
import { NO_VALUE, Numbers } from "./numbers.js";
import { Leads } from "./leads.js";
import { Trends } from "./trends.js";
import { History } from "./history.js";
import { openStrip } from "./strip.js";

const MOST_ALARMS = 60;

export class PatientPage {
  constructor(told) {
    const id = store.patients.get(told)?.of || told; // numerics are shown with the ECG of their bed
    this.id = id;
    this.alarms = []; // changes, the newest first
    this.bands = new Map();
    this.leads = new Leads(id);
    this.listeners = new AbortController();
    const { signal } = this.listeners;
    this.trends = new Trends(signal);
    this.rate = h("div", { class: "big-rate" });
    this.numbers = new Numbers(true);
    this.rhythm = h("div", { class: "big-rhythm" });
    this.facts = h("p", { class: "hint" });
    this.state = h("p", { class: "bed-state", role: "status" });
    this.title = h("h1", {});
    this.signals = h("ul", { class: "signals", "aria-label": "Alarm signals" });
    this.events = h("ul", { class: "events", "aria-label": "Events, the newest first" });
    const act = (label, key, does, kind = "") =>
      h("button", { type: "button", class: kind, disabled: !may("clinician"), onclick: does }, label, h("kbd", {}, key));
    this.ackButton = act("Acknowledge", "A", () => acknowledge(id), "main");
    this.pauseButton = act("Pause sound", "P", () => pause(id));
    this.standbyButton = act("Standby", "B", () => standby(id));
    const side = h("aside", { class: "side" },
      h("div", { class: "row title" }, h("a", { class: "button", href: "#/wall", "aria-label": "Back to the wall" }, "←"), this.title),
      h("div", { class: "now" }, this.rate, h("div", {}, this.rhythm, this.facts)),
      this.numbers.element, this.state,
      h("div", { class: "acts" }, this.ackButton, this.pauseButton, act("Limits", "L", () => limitsDialog(id)), this.standbyButton),
      h("h2", {}, "Alarm signals"), this.signals,
      h("h2", {}, "Events"), this.events);
    this.past = h("div", { class: "past" }, this.trends.element);
    this.element = h("div", { class: "patient" }, h("div", { class: "live" }, this.leads.element, this.past), side);
    for (const name of ["board", "reset", "patient"]) store.addEventListener(name, () => this.refresh(), { signal });
    store.addEventListener("alarm", (e) => { if (store.streams(id).includes(e.detail.stream_id)) this.list([e.detail]); }, { signal });
    store.addEventListener("reset", () => { this.recalled = this.recall(); }, { signal });
    this.timers = [setInterval(() => this.refresh(), 500), setInterval(() => this.trend(), 5000)];
    if (store.patients.has(id)) this.begin();
    else store.addEventListener("reset", () => this.begin(), { signal, once: true });
  }

  begin() {
    if (!store.patients.has(this.id)) {
      this.element.replaceChildren(h("div", { class: "page" }, h("h1", {}, "No such patient"), h("a", { href: "#/wall" }, "To the wall")));
      return;
    }
    if (!this.leads.traces.length) this.leads.begin();
    this.history = new History(this.id, this.listeners.signal);
    this.past.append(this.history.element);
    this.refresh();
    this.recalled = this.recall();
    this.trend();
    feed.show(null, this.id);
  }

  close() {
    this.leads.close();
    this.listeners.abort();
    this.timers.forEach(clearInterval);
  }

  async trend() {
    const page = await get(`/api/patients/${encodeURIComponent(this.id)}`).catch(() => null);
    if (page) this.trends.show(page.trend, page.numerics);
    if (this.history?.end === null) this.history.load();
  }

  scrollBack(pages) {
    this.history?.scroll(pages);
    this.history?.element.scrollIntoView({ block: "nearest" });
  }

  async latest() {
    await this.recalled;
    const alarm = this.alarms.find((a) => a.state === "raised");
    if (alarm) openStrip(this.id, { alarm });
  }

  get patient() {
    return store.patients.get(this.id);
  }

  refresh() {
    const { patient } = this;
    if (!patient) return;
    const nowMs = store.nowMs(), { board } = patient, lines = store.lines(patient), [worst] = lines;
    setText(this.title, `Bed ${patient.bed}${patient.bed === patient.id ? "" : ` · ${patient.id}`}`);
    setText(this.rate, patient.hr === null ? NO_VALUE : String(Math.round(patient.hr)));
    setText(this.rhythm, patient.rhythm || "rhythm unknown");
    const quality = patient.quality === null ? "unknown" : `${Math.round(100 * patient.quality)} %`;
    setText(this.facts, `bpm · quality ${quality} · ${patient.fs} Hz · session ${patient.session}`);
    this.numbers.show(patient);
    setText(this.state, bedState(patient, nowMs) || (board.pause_ended ? `audio pause: ${board.pause_ended}` : ""));
    const heard = lines.some((line) => line.phase !== "acknowledged");
    this.ackButton.disabled = !heard || !may("clinician");
    const paused = (board.paused_until_ms ?? 0) > nowMs;
    setText(this.pauseButton.firstChild, paused ? "Sound on" : "Pause sound");
    setText(this.standbyButton.firstChild, board.standby ? "End standby" : "Standby");
    this.element.className = `patient ${worst ? `${worst.priority} ${worst.phase}` : ""}`;
    this.showSignals(lines, board, nowMs);
  }

  showSignals(lines, board, nowMs) {
    const wanted = lines.map((line) => line.condition);
    for (const [condition, { row }] of this.bands) {
      if (!wanted.includes(condition)) {
        row.remove();
        this.bands.delete(condition);
      }
    }
    for (const line of lines) {
      if (!this.bands.has(line.condition)) this.bands.set(line.condition, this.signalRow(line));
      const { band, row } = this.bands.get(line.condition);
      band.show(line, nowMs);
      row.classList.toggle("heard", line.phase !== "acknowledged");
    }
    const offs = store.streams(this.id).flatMap((id) => Object.entries(store.patients.get(id)?.board.off ?? {})
      .map(([condition, said]) => [id, condition, said]));
    const off = offs.map(([id, condition, { who, why }]) => h("li", { class: "off" },
      h("span", {}, `${words(condition)} is off (${who}: ${why})`),
      may("clinician") ? h("button", { type: "button", onclick: () => alarmOn(id, condition) }, "On") : null));
    const key = JSON.stringify([wanted, offs]);
    if (key === this.signalKey) return;
    this.signalKey = key;
    const rows = wanted.map((condition) => this.bands.get(condition).row);
    this.signals.replaceChildren(...rows, ...off,
      ...(rows.length + off.length ? [] : [h("li", { class: "hint" }, "None.")]));
  }

  signalRow(line) {
    const band = new Band();
    const row = h("li", {}, band.element, may("clinician") ? h("div", { class: "row" },
      h("button", { type: "button", class: "for-heard", onclick: () => acknowledge(this.id, line.condition) }, "Acknowledge"),
      h("button", { type: "button", onclick: () => this.stripOf(line) }, "Strip"),
      line.priority === "high" ? null
        : h("button", { type: "button", onclick: () => alarmOffDialog(line.stream ?? this.id, line.condition) }, "Alarm off")) : null);
    return { band, row };
  }

  async stripOf(line) {
    await this.recalled;
    const alarm = this.alarms.find((a) => a.id === line.alarm_id && a.state === "raised") ??
      this.alarms.find((a) => a.condition === line.condition);
    if (alarm) openStrip(this.id, { alarm });
  }

  // What was before; what comes meanwhile stays before it.
  async recall() {
    this.alarms = [];
    const of = (id) => get(`/api/alarms?most=${MOST_ALARMS}&stream_id=${encodeURIComponent(id)}`).catch(() => null);
    const told = (await Promise.all(store.streams(this.id).map(of))).flatMap((each) => each?.alarms ?? []);
    told.sort((a, b) => b.decided.utc.localeCompare(a.decided.utc));
    this.list([], told);
  }

  list(newer, older = []) {
    const seen = new Set(), all = [...newer, ...this.alarms, ...older];
    this.alarms = all.filter(({ id, state, decided }) => {
      const key = `${id} ${state} ${decided.sample}`, anew = !seen.has(key);
      seen.add(key);
      return anew;
    }).slice(0, MOST_ALARMS);
    this.events.replaceChildren(...this.alarms.map((alarm) => h("li", {},
      h("button", { type: "button", class: `event ${alarm.state}`, onclick: () => openStrip(this.id, { alarm }) },
        sign(alarm.priority), h("span", { class: "when" }, clock(Date.parse(alarm.decided.utc))),
        h("span", { class: "what" }, words(alarm.condition)),
        h("span", { class: "became" }, alarm.state === "acknowledged" ? `✓ ${alarm.acknowledgement?.by ?? ""}` : alarm.state)))));
  }
}
