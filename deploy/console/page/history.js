// Full disclosure: all signal that is kept, line under line, back to its begin.

import { h, clock, toast } from "./dom.js";
import { get } from "./api.js";
import { store } from "./store.js";
import { fit, drawLine, middleOf } from "./paper.js";
import { sweepStyle } from "./style.js";
import { openStrip } from "./strip.js";

const ROW_S = 20, ROWS = 6, ROW_PX = 62;

export class History {
  constructor(id, signal) {
    this.id = id;
    this.canvas = h("canvas", { tabindex: "0", role: "img", "aria-label": "Signal of the past, 20 seconds a line" });
    this.when = h("span", { class: "hint" });
    const button = (label, pages, hint) => h("button", { type: "button", title: hint, onclick: () => this.scroll(pages) }, label);
    this.element = h("section", { class: "history", "aria-label": "Full disclosure" },
      h("div", { class: "row" }, h("h2", {}, "Full disclosure"), this.when, h("span", { class: "spacer" }),
        button("◀ older", -1, "Page Up"), button("newer ▶", 1, "Page Down"),
        h("button", { type: "button", onclick: () => this.toNow() }, "now")),
      this.canvas);
    this.canvas.addEventListener("click", (e) => this.pick(e));
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    addEventListener("theme", () => this.draw(), { signal });
    this.toNow();
  }

  get fs() {
    return store.patients.get(this.id)?.fs || 250;
  }

  toNow() {
    this.end = null;
    return this.load();
  }

  scroll(pages) {
    const page = ROW_S * ROWS * this.fs;
    const end = (this.end ?? this.last ?? page) + pages * page;
    this.end = end >= (this.newest ?? Infinity) ? null : end;
    return this.load();
  }

  async load() {
    const n = Math.round(ROW_S * ROWS * this.fs), path = `/api/patients/${encodeURIComponent(this.id)}`;
    try {
      const page = await get(path);
      this.newest = page.end_sample;
      let end = this.end ?? page.end_sample;
      if (end - n < page.begin_sample) end = Math.min(page.begin_sample + n, page.end_sample);
      if (this.end !== null) this.end = end;
      this.last = end;
      this.page = page;
      this.signal = await get(`${path}/signal?first_sample=${Math.max(0, end - n)}&n_samples=${n}`);
      this.draw();
    } catch (error) {
      toast(error.message, true);
    }
  }

  draw() {
    const { signal, page } = this;
    this.canvas.style.height = `${ROWS * ROW_PX}px`;
    const { ctx, w, h: high } = fit(this.canvas, ROWS * ROW_PX), style = sweepStyle();
    if (!signal || !w) return;
    ctx.fillStyle = style.paper;
    ctx.fillRect(0, 0, w, high);
    const steps = signal.steps[page.main] ?? [], { fs } = signal, left = 62;
    this.left = left;
    const perRow = ROW_S * fs, perSample = (w - left) / perRow, middle = middleOf(steps);
    ctx.font = "12px system-ui, sans-serif";
    for (let row = 0; row < ROWS; row++) {
      const from = Math.round(row * perRow), to = Math.min(steps.length, Math.round((row + 1) * perRow));
      const top = row * ROW_PX, zero = top + ROW_PX * 0.56;
      this.alarmsOf(ctx, style, row, perRow, perSample, top);
      ctx.fillStyle = style.muted;
      ctx.textAlign = "left";
      const atMs = page.origin_ms + (1000 * (signal.first_sample + from)) / fs;
      if (from < steps.length) ctx.fillText(clock(atMs), 4, zero);
      ctx.strokeStyle = style.ink;
      ctx.lineWidth = 1;
      drawLine(ctx, { steps, from, to, xOf: (i) => left + (i - from) * perSample, zero, pxPerMv: 16, middle,
        top: top + 2, bottom: top + ROW_PX - 2 });
      ctx.textAlign = "center";
      ctx.font = "700 11px system-ui, sans-serif";
      for (const beat of signal.beats) {
        const i = beat.sample - signal.first_sample;
        if (beat.aami === "N" || i < from || i >= to) continue;
        ctx.fillStyle = style[beat.aami] ?? style.other;
        ctx.fillText(beat.aami, left + (i - from) * perSample, top + 12);
      }
      ctx.font = "12px system-ui, sans-serif";
      ctx.fillStyle = style.line;
      ctx.fillRect(0, top + ROW_PX - 1, w, 1);
    }
    const shownMs = (i) => page.origin_ms + (1000 * i) / fs;
    this.when.textContent = `${clock(shownMs(signal.first_sample))} to ${clock(shownMs(signal.first_sample + steps.length))}` +
      `, kept from ${clock(shownMs(page.begin_sample))}`;
  }

  alarmsOf(ctx, style, row, perRow, perSample, top) {
    const { signal, page } = this;
    for (const alarm of page.alarms) {
      if (alarm.state !== "raised" || alarm.session !== page.session) continue;
      const i = alarm.onset.sample - signal.first_sample - row * perRow;
      if (i < 0 || i >= perRow) continue;
      ctx.fillStyle = style[alarm.priority];
      ctx.fillRect(this.left + i * perSample, top + 1, 3, ROW_PX - 3);
    }
  }

  pick(event) {
    const { signal } = this;
    if (!signal) return;
    const row = Math.floor(event.offsetY / ROW_PX);
    const s = ((event.offsetX - this.left) / (this.canvas.clientWidth - this.left)) * ROW_S;
    openStrip(this.id, { sample: Math.round(signal.first_sample + (row * ROW_S + Math.max(0, s)) * signal.fs) });
  }
}
