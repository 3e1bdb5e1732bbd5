// What the page knows: patients, their alarm signals, what happened. One place, told by events.

import { WALL } from "./decode.js";
import { feed } from "./feed.js";
import { Trace } from "./trace.js";

const MOST_BEATS = 400;
export const URGENCY = { high: 0, medium: 1, low: 2 };

export class Store extends EventTarget {
  constructor() {
    super();
    this.patients = new Map();
    this.byIndex = [];
    this.together = new Map(); // numerics by the patient that they are shown with
    this.offsetMs = 0;
    feed.addEventListener("hello", (e) => this.begin(e.detail));
    feed.addEventListener("item", (e) => this.take(e.detail));
    feed.addEventListener("block", (e) => this.block(e.detail));
    feed.addEventListener("time", (e) => { this.offsetMs = e.detail - Date.now(); });
  }

  nowMs() {
    return Date.now() + this.offsetMs;
  }

  begin(told) {
    this.offsetMs = told.now_ms - Date.now();
    this.patients.clear();
    this.byIndex = [];
    this.together.clear();
    for (const patient of told.patients) this.put(patient);
    for (const alarm of [...told.alarms].reverse()) this.note(alarm);
    this.tell("reset");
  }

  put(told) {
    const known = this.patients.get(told.stream_id);
    const made = known ?? { trace: new Trace(), beats: [], vetoed: new Set(), strange: new Map(), heardAt: 0 };
    const anew = !known || known.session !== told.session;
    const before = known?.of ?? "";
    Object.assign(made, told, { id: told.stream_id });
    this.vitals(made, told.vitals);
    made.trace.setFree(!made.leads.length);
    if (anew) {
      made.beats = [];
      made.vetoed.clear();
      made.trace.clear();
    }
    this.patients.set(made.id, made);
    this.byIndex[made.index] = made;
    if (before !== made.of) this.bind();
    return made;
  }

  vitals(patient, values) {
    [patient.hr, patient.rhythm, patient.quality, patient.numerics] = values;
  }

  bind() {
    this.together.clear();
    for (const patient of this.patients.values()) {
      if (patient.of) this.together.set(patient.of, [...(this.together.get(patient.of) ?? []), patient.id]);
    }
  }

  // A patient's stream, and those that are shown with it.
  streams(id) {
    return [id, ...(this.together.get(id) ?? [])];
  }

  // All alarm signals of a patient with the stream of each, the most urgent that nobody acknowledged first.
  lines(patient) {
    const others = this.together.get(patient.id);
    if (!others) return patient.board.lines;
    const rank = (l) => (URGENCY[l.priority] ?? 3) + (l.phase === "acknowledged" ? 4 : 0);
    return this.streams(patient.id).flatMap((id) => (this.patients.get(id)?.board.lines ?? []).map((l) => ({ ...l, stream: id })))
      .sort((a, b) => rank(a) - rank(b) || b.since_ms - a.since_ms);
  }

  // The priority of an alarm about one of the numerics, empty where there is none.
  alarmOf(patient, channels) {
    for (const id of this.streams(patient.id)) {
      const stream = this.patients.get(id);
      for (const line of stream?.board.lines ?? []) {
        if (line.phase !== "latched" && channels.includes(stream.strange.get(line.condition))) return line.priority;
      }
    }
    return "";
  }

  take(item) {
    if (item.t === "patient") {
      const known = this.patients.get(item.patient.stream_id);
      const fresh = !known || known.of !== item.patient.of;
      this.put(item.patient);
      this.tell(fresh ? "reset" : "patient", item.patient.stream_id);
    } else if (item.t === "board") {
      const patient = this.patients.get(item.stream_id);
      if (patient) patient.board = item.board;
      this.tell("board", item.stream_id);
    } else if (item.t === "alarm") {
      this.note(item.alarm);
      this.tell("alarm", item.alarm);
    } else if (item.t === "signal") this.tell("signal", item.signal);
    else if (item.t === "feedback") this.tell("feedback", item.feedback);
  }

  // Changes of alarms are not kept here: who shows them asks the server for those that were before.
  note(alarm) {
    const patient = this.patients.get(alarm.stream_id);
    if (!patient) return;
    if (alarm.state === "vetoed") patient.vetoed.add(alarm.condition);
    else patient.vetoed.delete(alarm.condition);
    if (alarm.state === "raised" && alarm.anomaly) patient.strange.set(alarm.condition, alarm.anomaly.channel);
    else if (alarm.state === "ended") patient.strange.delete(alarm.condition);
  }

  block({ kind, told, waves }) {
    const now = performance.now();
    for (const wave of waves) {
      const patient = this.byIndex[wave.index];
      if (!patient) continue;
      patient.heardAt = now;
      if (kind === WALL) patient.trace.push(wave.first, wave.fs, wave.leads[0]);
      else this.tell("leads", wave);
    }
    if (kind !== WALL) return; // the wall's block of the same moment tells the rest
    for (const [index, sample, aami, confidence, rr_ms] of told.beats) {
      const patient = this.byIndex[index];
      if (!patient) continue;
      patient.beats.push({ sample, aami, confidence, rr_ms });
      if (patient.beats.length > MOST_BEATS) patient.beats.splice(0, 100);
      if (aami !== "N") patient.trace.mark(sample / patient.fs, aami);
      patient.beatAt = now;
    }
    for (const [index, values] of Object.entries(told.vitals)) {
      const patient = this.byIndex[index];
      if (!patient) continue;
      this.vitals(patient, values);
      const known = patient.numerics?.some(([, text]) => text !== null);
      if (known && !patient.leads.length && !patient.pulses.length) patient.heardAt = now; // without waveforms
    }
    if (told.sent_ms) this.lagMs = this.nowMs() - told.sent_ms;
  }

  tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

// The most urgent signal of a patient: nobody has acknowledged it before what somebody has.
export const firstLine = (patient) => store.lines(patient)[0] ?? null;

export function urgency(patient) {
  const line = firstLine(patient);
  if (!line) return patient.board.standby ? 9 : 8;
  return (URGENCY[line.priority] ?? 3) + (line.phase === "acknowledged" ? 4 : 0);
}

export const store = new Store();
