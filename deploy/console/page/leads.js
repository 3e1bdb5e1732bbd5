// All leads of one patient, live: a sweep over ECG paper, with the class under each beat.

import { h, setText } from "./dom.js";
import { get } from "./api.js";
import { feed } from "./feed.js";
import { store } from "./store.js";
import { fit, drawGrid } from "./paper.js";
import { sweepStyle } from "./style.js";
import { Trace } from "./trace.js";

const GAINS = [2, 1, 0.5, 0.25, 0.125];

export class Leads {
  constructor(id) {
    this.id = id;
    this.traces = [];
    this.paper = h("canvas", { "aria-hidden": "true" });
    this.sweep = h("canvas", { "aria-hidden": "true" });
    this.names = h("div", { class: "lead-names" });
    this.scale = h("p", { class: "scale" });
    this.element = h("div", { class: "leads", role: "img", "aria-label": "Live electrocardiogram, all leads" },
      this.paper, this.sweep, this.names, this.scale);
    this.listeners = new AbortController();
    const { signal } = this.listeners;
    store.addEventListener("leads", (e) => this.take(e.detail), { signal });
    store.addEventListener("patient", (e) => { if (e.detail === id) this.begin(); }, { signal });
    addEventListener("theme", () => { this.dirty = true; }, { signal });
    new ResizeObserver(() => { this.dirty = true; }).observe(this.element);
    this.begin();
    this.loop = requestAnimationFrame((t) => this.frame(t));
  }

  close() {
    cancelAnimationFrame(this.loop);
    this.listeners.abort();
  }

  get patient() {
    return store.patients.get(this.id);
  }

  async begin() {
    const { patient } = this;
    if (!patient) return;
    this.nLeads = patient.leads.length;
    this.traces = [...patient.leads.map(() => new Trace()), ...patient.pulses.map(() => new Trace(true))];
    this.waiting = [];
    this.names.replaceChildren(...patient.leads.map((name) => h("span", {}, name)),
      ...patient.pulses.map(({ name }) => h("span", { class: "pulse" }, name)));
    this.dirty = true;
    feed.show(null, this.id);
    const n = Math.round(14 * patient.fs), first = Math.max(0, patient.end_sample - n);
    const span = `first_sample=${first}&n_samples=${Math.max(1, Math.round(60 * patient.fs))}`;
    const past = await get(`/api/patients/${encodeURIComponent(this.id)}/signal?${span}`).catch(() => null);
    const { waiting } = this;
    this.waiting = null;
    if (past) {
      [...past.steps, ...past.pulses.map((pulse) => pulse.steps)].forEach((steps, i) => {
        const from = Math.max(0, steps.length - n);
        this.traces[i]?.push(past.first_sample + from, past.fs, steps.slice(from).map((v) => v ?? -32768));
      });
      for (const beat of past.beats) this.traces[0].mark(beat.sample / past.fs, beat.aami);
      for (const trace of this.traces) trace.begin();
    }
    for (const wave of waiting ?? []) this.take(wave);
  }

  take(wave) {
    const { patient } = this;
    if (!patient || wave.index !== patient.index) return;
    if (this.waiting) {
      this.waiting.push(wave);
      return;
    }
    wave.leads.forEach((steps, i) => this.traces[i]?.push(wave.first, wave.fs, steps));
    const newest = patient.beats[patient.beats.length - 1];
    for (const beat of patient.beats.slice(-6)) {
      if (beat.sample > (this.marked ?? -1)) this.traces[0].mark(beat.sample / patient.fs, beat.aami);
    }
    if (newest) this.marked = newest.sample;
  }

  layout() {
    const style = sweepStyle(), { w, h: high } = fit(this.paper);
    fit(this.sweep);
    if (!w || !this.traces.length) return;
    const n = Math.max(1, this.traces.length);
    this.windowS = Math.max(3, Math.min(14, Math.round(w / 95)));
    this.perS = w / this.windowS;
    this.row = high / n;
    const span = Math.max(...this.traces.filter((t) => !t.free).map((t) => t.span * 1.05), 0.5);
    this.gain = GAINS.find((g) => this.row / (this.perS * 0.4 * g) >= span) ?? GAINS[GAINS.length - 1];
    this.perMv = this.perS * 0.4 * this.gain;
    drawGrid(this.paper.getContext("2d"), style, w, high, this.perS, this.perMv);
    this.names.style.gridTemplateRows = `repeat(${n}, 1fr)`;
    setText(this.scale, `25 mm/s · ${10 * this.gain} mm/mV · a heavy box is 0.2 s and ${0.5 / this.gain} mV`);
    this.width = w;
    this.dirty = false;
    this.whole = true;
  }

  frame(t) {
    this.loop = requestAnimationFrame((next) => this.frame(next));
    const dt = Math.min((t - (this.before ?? t)) / 1000, 1);
    this.before = t;
    if (feed.live) for (const trace of this.traces) trace.advance(dt);
    const before = this.traces.map((trace) => trace.span);
    const moved = this.traces.map((trace) => trace.scale(t, this.windowS ?? 6));
    if (this.dirty || this.traces.some((trace, i) => !trace.free && trace.span !== before[i])) this.layout();
    if (!this.width) return;
    const ctx = this.sweep.getContext("2d"), style = { ...sweepStyle() };
    ctx.lineWidth = 1.5;
    ctx.lineJoin = "round";
    ctx.font = "700 14px system-ui, sans-serif";
    ctx.textAlign = "center";
    if (this.whole) ctx.clearRect(0, 0, this.width, this.row * this.traces.length);
    this.traces.forEach((trace, i) => {
      const box = { x: 0, y: i * this.row + 17, w: this.width, h: this.row - 20 };
      const kept = trace.span, whole = this.whole || moved[i];
      style.trace = trace.free ? style.pulse : style.ink;
      if (moved[i] && !this.whole) ctx.clearRect(0, box.y - 14, box.w, box.h + 15);
      if (!trace.free) trace.span = box.h / this.perMv;
      trace.draw(ctx, box, this.windowS, style, whole);
      trace.span = kept;
    });
    this.whole = false;
  }
}
