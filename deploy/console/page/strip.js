// A strip on ECG paper: calipers, beats with their classes and intervals, and why an alarm was raised.

import { h, clock, setText } from "./dom.js";
import { get } from "./api.js";
import { store } from "./store.js";
import { feedbackDialog, openDialog, relabelDialog } from "./actions.js";
import { sign, words } from "./alarmview.js";
import { reasons } from "./reasons.js";
import { fit, drawGrid, drawLine, middleOf } from "./paper.js";
import { MV_PER_STEP } from "./decode.js";
import { sweepStyle } from "./style.js";

const LENGTHS_S = [5, 10, 20, 40];

export async function openStrip(id, { alarm = null, sample = null }) {
  const patient = store.patients.get(id);
  const strip = new Strip(id, alarm, alarm ? alarm.onset.sample : sample, alarm?.session ?? patient?.session);
  strip.open();
  await strip.load();
  return strip;
}

class Strip {
  constructor(id, alarm, sample, session) {
    Object.assign(this, { id, alarm, sample, session, lengthS: 10, calipers: [0.35, 0.45], active: 0, beat: null });
    this.canvas = h("canvas", {
      tabindex: "0", role: "application", "aria-roledescription": "ECG strip with calipers",
      "aria-label": "Strip: arrow keys move the caliper, C changes it, plus and minus change the paper speed",
    });
    this.measured = h("p", { class: "measured", role: "status" });
    this.beatLine = h("div", { class: "row beat-line" });
  }

  open() {
    const { alarm } = this, bed = store.patients.get(this.id)?.bed ?? this.id;
    const title = alarm ? `${words(alarm.condition)}, bed ${bed}` : `Strip, bed ${bed}`;
    const button = (label, verdict) => h("button", { type: "button", onclick: () => feedbackDialog(alarm, verdict) }, label);
    const inside = h("div", { class: "inside strip" },
      h("div", { class: "row" }, alarm ? sign(alarm.priority, `${alarm.priority} priority`) : null, h("h2", {}, title),
        h("span", { class: "hint" }, alarm ? `${clock(Date.parse(alarm.onset.utc))} · ${alarm.priority} · ${alarm.kind}` : ""),
        h("span", { class: "spacer" }), h("button", { type: "button", class: "quiet", "data-close": "", "aria-label": "Close" }, "✕")),
      this.canvas, this.measured, this.beatLine,
      alarm ? reasons(alarm) : null,
      alarm ? h("div", { class: "row" }, h("b", {}, "Was it right?"), button("True alarm", "true"),
        button("False alarm", "false"), button("Artefact", "artefact")) : null);
    openDialog(inside, { broad: true, closed: () => this.watch?.disconnect() });
    this.canvas.addEventListener("keydown", (e) => this.key(e));
    this.canvas.addEventListener("pointerdown", (e) => this.press(e));
    this.canvas.addEventListener("pointermove", (e) => { if (e.buttons) this.drag(e); });
    this.watch = new ResizeObserver(() => this.draw());
    this.watch.observe(this.canvas);
    this.canvas.focus();
  }

  async load() {
    const patient = store.patients.get(this.id);
    const kept = store.patients.get(this.alarm?.stream_id ?? this.id);
    if (!patient?.fs || kept?.session !== this.session) {
      setText(this.measured, "The signal of this alarm is no longer kept.");
      return;
    }
    const { fs } = patient, n = Math.round(this.lengthS * fs);
    if (this.alarm && this.alarm.stream_id !== this.id) { // numerics' own samples are others
      this.sample = ((Date.parse(this.alarm.onset.utc) - patient.origin_ms) * fs) / 1000;
    }
    const first = Math.max(0, Math.round(this.sample - 0.5 * n));
    try {
      this.signal = await get(`/api/patients/${encodeURIComponent(this.id)}/signal?first_sample=${first}&n_samples=${n}`);
    } catch (error) {
      setText(this.measured, error.message);
      return;
    }
    this.first = first;
    this.draw();
  }

  // Leads, and below them what pulses: that is drawn as high as there is room.
  rows() {
    const { steps, pulses } = this.signal;
    const rows = steps.slice(0, pulses.length ? 2 : 3).map((each, i) => ({ steps: each, name: this.signal.leads[i] }));
    return [...rows, ...pulses.slice(0, 2).map((each) => ({ steps: each.steps, name: each.name, pulses: true }))];
  }

  draw() {
    if (!this.signal) return;
    const rows = this.rows(), style = sweepStyle(), { fs } = this.signal;
    const high = Math.max(220, Math.min(150 * rows.length + 30, window.innerHeight * 0.5));
    this.canvas.style.height = `${high}px`;
    const { ctx, w } = fit(this.canvas, high);
    const perS = w / this.lengthS, row = high / rows.length;
    let gain = 1;
    const spanOf = (steps) => {
      const kept = steps.filter((v) => v !== null).sort((a, b) => a - b);
      return kept.length ? (kept[Math.floor(0.998 * (kept.length - 1))] - kept[Math.floor(0.002 * kept.length)]) * MV_PER_STEP : 1;
    };
    const rangeOf = (steps) => steps.reduce(([low, high], v) => (v === null ? [low, high] : [Math.min(low, v), Math.max(high, v)]), [Infinity, -Infinity]);
    const span = Math.max(...rows.filter((each) => !each.pulses).map((each) => spanOf(each.steps)), 0.3);
    while (gain > 0.06 && span * perS * 0.4 * gain > row * 0.72) gain /= 2;
    const perMv = perS * 0.4 * gain;
    Object.assign(this, { perS, perMv, row, gain, w });
    drawGrid(ctx, style, w, high, perS, perMv);
    this.weights(ctx, style, high);
    ctx.font = "700 13px system-ui, sans-serif";
    rows.forEach(({ steps, name, pulses }, i) => {
      const [low, high] = pulses ? rangeOf(steps) : [0, 0], tall = Math.max(1, high - low) * MV_PER_STEP;
      const middle = pulses && high >= low ? ((low + high) / 2) * MV_PER_STEP : middleOf(steps), shift = (this.signal.first_sample - this.first) / fs;
      ctx.strokeStyle = pulses ? style.pulse : style.ink;
      ctx.lineWidth = 1.5;
      ctx.lineJoin = "round";
      drawLine(ctx, { steps, xOf: (j) => (j / fs + shift) * perS, zero: (i + 0.58) * row, middle,
        pxPerMv: pulses ? (0.66 * row) / tall : perMv,
        top: i * row + 2, bottom: (i + 1) * row - 2 });
      ctx.fillStyle = style.text;
      ctx.textAlign = "left";
      ctx.fillText(name, 6, i * row + (i ? 16 : 34));
    });
    this.beats(ctx, style);
    if (this.alarm) this.onset(ctx, style, high);
    this.drawCalipers(ctx, style, high);
    this.tell();
  }

  xOfSample(sample) {
    return ((sample - this.first) / this.signal.fs) * this.perS;
  }

  beats(ctx, style) {
    const driving = new Set((this.alarm?.beats ?? []).map((b) => b.sample));
    ctx.textAlign = "center";
    let before = null;
    for (const beat of this.signal.beats) {
      const x = this.xOfSample(beat.sample);
      if (driving.has(beat.sample)) {
        ctx.fillStyle = style[this.alarm.priority];
        ctx.fillRect(x - 9, 2, 18, 19);
        ctx.fillStyle = this.alarm.priority === "high" ? "#fff" : "#111";
      } else ctx.fillStyle = style[beat.aami] ?? style.other;
      ctx.font = "700 14px system-ui, sans-serif";
      ctx.fillText(beat.aami, x, 16);
      if (this.beat === beat) {
        ctx.strokeStyle = style.accent;
        ctx.lineWidth = 2;
        ctx.strokeRect(x - 10, 1, 20, 21);
      }
      if (before !== null && beat.rr_ms && this.perS * (beat.rr_ms / 1000) > 34) {
        ctx.fillStyle = style.muted;
        ctx.font = "11px system-ui, sans-serif";
        ctx.fillText(String(beat.rr_ms), (x + before) / 2, 16);
      }
      before = x;
    }
  }

  // Parts of a beat that raised the model's logit of V, where the alarm tells them.
  weights(ctx, style, high) {
    const beats = this.alarm?.explanation?.beats ?? [];
    const all = beats.flatMap((b) => b.trace.map((part) => Math.abs(part.weight)));
    const most = Math.max(...all, 1e-9);
    for (const beat of beats) {
      for (const part of beat.trace) {
        if (part.weight <= 0) continue;
        ctx.globalAlpha = 0.5 * (part.weight / most);
        ctx.fillStyle = style.weight;
        const x = this.xOfSample(part.first_sample);
        ctx.fillRect(x, 24, this.xOfSample(part.end_sample) - x, high - 24);
      }
    }
    ctx.globalAlpha = 1;
  }

  onset(ctx, style, high) {
    const x = this.xOfSample(this.sample);
    ctx.fillStyle = style[this.alarm.priority];
    ctx.fillRect(x - 1, 24, 2, high - 24);
    ctx.textAlign = "left";
    ctx.font = "700 12px system-ui, sans-serif";
    ctx.fillText("onset", x + 5, high - 6);
  }

  drawCalipers(ctx, style, high) {
    const [a, b] = this.calipers.map((c) => c * this.w);
    ctx.globalAlpha = 0.14;
    ctx.fillStyle = style.accent;
    ctx.fillRect(Math.min(a, b), 24, Math.abs(b - a), high - 24);
    ctx.globalAlpha = 1;
    this.calipers.forEach((c, i) => {
      ctx.fillStyle = style.accent;
      ctx.fillRect(c * this.w - (i === this.active ? 1.5 : 0.5), 24, i === this.active ? 3 : 1, high - 24);
      ctx.beginPath();
      ctx.arc(c * this.w, high - 12, i === this.active ? 8 : 6, 0, 7);
      ctx.fill();
    });
  }

  // Interval, the rate of one beat in it, and the difference of voltage between the calipers.
  tell() {
    const [a, b] = this.calipers.map((c) => c * this.lengthS), ms = Math.round(Math.abs(b - a) * 1000);
    const { fs, first_sample: begin } = this.signal;
    const at = (s) => this.signal.steps[0]?.[Math.round(this.first + s * fs) - begin];
    const [u, v] = [at(a), at(b)];
    const mv = u !== null && v !== null && u !== undefined && v !== undefined ? ((v - u) * MV_PER_STEP).toFixed(2) : "–";
    setText(this.measured, `Calipers: ${ms} ms · ${ms ? Math.round(60000 / ms) : "–"} per minute · ${mv} mV in ${this.signal.leads[0]}` +
      `   ·   25 mm/s at ${10 * this.gain} mm/mV`);
    const { beat } = this;
    this.beatLine.replaceChildren(...(beat ? [
      h("b", {}, `Beat ${beat.aami}`),
      h("span", { class: "hint" }, `confidence ${beat.confidence?.toFixed(2) ?? "–"}, RR ${beat.rr_ms ?? "–"} ms`),
      h("button", { type: "button", onclick: () => relabelDialog(this.id, beat, this.alarm) }, "Relabel …"),
    ] : [h("span", { class: "hint" }, "Choose a beat's letter (or press [ and ]) to relabel it.")]));
  }

  press(event) {
    if (!this.signal) return;
    if (event.offsetY < 24) {
      const near = (b) => Math.abs(this.xOfSample(b.sample) - event.offsetX);
      const found = [...this.signal.beats].sort((a, b) => near(a) - near(b))[0];
      this.beat = found && near(found) < 18 ? found : null;
      this.draw();
      return;
    }
    const c = event.offsetX / this.w;
    this.active = Math.abs(c - this.calipers[0]) <= Math.abs(c - this.calipers[1]) ? 0 : 1;
    this.canvas.setPointerCapture(event.pointerId);
    this.drag(event);
  }

  drag(event) {
    if (event.offsetY < 24 && !event.buttons) return;
    this.calipers[this.active] = Math.max(0, Math.min(1, event.offsetX / this.w));
    this.draw();
  }

  key(event) {
    const step = (event.shiftKey ? 0.2 : 0.01) / this.lengthS;
    const at = this.signal?.beats.indexOf(this.beat) ?? -1;
    const does = {
      ArrowLeft: () => { this.calipers[this.active] = Math.max(0, this.calipers[this.active] - step); },
      ArrowRight: () => { this.calipers[this.active] = Math.min(1, this.calipers[this.active] + step); },
      c: () => { this.active = 1 - this.active; },
      "+": () => this.zoom(-1), "=": () => this.zoom(-1), "-": () => this.zoom(1),
      "]": () => { this.beat = this.signal.beats[Math.min(at + 1, this.signal.beats.length - 1)] ?? null; },
      "[": () => { this.beat = this.signal.beats[Math.max(at - 1, 0)] ?? null; },
    }[event.key];
    if (!does || !this.signal) return;
    event.preventDefault();
    does();
    this.draw();
  }

  zoom(by) {
    const at = LENGTHS_S.indexOf(this.lengthS) + by;
    if (LENGTHS_S[at]) {
      this.lengthS = LENGTHS_S[at];
      this.load();
    }
  }
}
