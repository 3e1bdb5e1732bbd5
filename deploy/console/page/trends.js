// Trends: heart rate, ventricular beats a minute and quality over the time that is kept.

import { h, clock } from "./dom.js";
import { fit } from "./paper.js";
import { sweepStyle } from "./style.js";
import { NumericTrend } from "./numerictrend.js";

export class Trends {
  constructor(signal) {
    this.points = [];
    this.numerics = [];
    this.series = [];
    this.canvas = h("canvas", { role: "img", "aria-label": "Trends of heart rate, ventricular beats and signal quality" });
    this.told = h("p", { class: "scale" });
    this.element = h("section", { class: "trends", "aria-label": "Trends" }, h("h2", {}, "Trends"), this.canvas, this.told);
    this.canvas.addEventListener("pointermove", (e) => { this.at = e.offsetX; this.draw(); });
    this.canvas.addEventListener("pointerleave", () => { this.at = null; this.draw(); });
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    addEventListener("theme", () => this.draw(), { signal });
  }

  show(points, numerics = []) {
    this.points = points;
    while (this.numerics.length > numerics.length) this.numerics.pop().canvas.remove();
    while (this.numerics.length < numerics.length) {
      this.numerics.push(new NumericTrend());
      this.element.append(this.numerics[this.numerics.length - 1].canvas);
    }
    this.series = numerics;
    this.draw();
  }

  draw() {
    const { ctx, w, h: high } = fit(this.canvas), style = sweepStyle();
    if (!w) return;
    this.numerics.forEach((each, i) => each.draw(this.series[i], style));
    ctx.clearRect(0, 0, w, high);
    const { points } = this;
    if (points.length < 2) {
      ctx.fillStyle = style.muted;
      ctx.font = "14px system-ui, sans-serif";
      ctx.fillText("Trends begin after a few seconds.", 6, 24);
      return;
    }
    const left = 34, right = w - 34, top = 8, bottom = high - 20;
    const last = points[points.length - 1][0], first = Math.min(points[0][0], last - 120_000);
    const xOf = (ms) => left + ((ms - first) / (last - first)) * (right - left);
    const rates = points.map((p) => p[1]).filter((v) => v !== null);
    const most = Math.max(120, Math.ceil(Math.max(...rates, 0) / 40) * 40);
    const yOf = (v) => bottom - (v / most) * (bottom - top);
    this.axes(ctx, style, { left, right, top, bottom, most, yOf, xOf, first, last });
    const mostV = Math.max(10, ...points.map((p) => p[3] ?? 0));
    ctx.fillStyle = style.V;
    ctx.globalAlpha = 0.55;
    const step = Math.max(1.5, ((right - left) * 5000) / (last - first));
    for (const [ms, , , nV] of points) {
      if (nV) ctx.fillRect(xOf(ms) - step, bottom, step + 0.5, (-nV / mostV) * (bottom - top) * 0.5);
    }
    ctx.globalAlpha = 1;
    ctx.beginPath();
    let pen = false;
    for (const [ms, rate] of points) {
      if (rate === null) pen = false;
      else {
        if (pen) ctx.lineTo(xOf(ms), yOf(rate));
        else ctx.moveTo(xOf(ms), yOf(rate));
        pen = true;
      }
    }
    ctx.strokeStyle = style.trace;
    ctx.lineWidth = 2;
    ctx.lineJoin = "round";
    ctx.stroke();
    for (const [ms, , quality] of points) {
      if (quality !== null && quality < 0.4) {
        ctx.fillStyle = style.muted;
        ctx.fillRect(xOf(ms) - step, bottom + 1, step + 0.5, 3);
      }
    }
    this.tell(ctx, style, xOf, top, bottom, mostV);
  }

  axes(ctx, style, { left, right, top, bottom, most, yOf, xOf, first, last }) {
    ctx.font = "12px system-ui, sans-serif";
    ctx.lineWidth = 1;
    ctx.textAlign = "right";
    for (let v = 0; v <= most; v += 40) {
      ctx.fillStyle = style.muted;
      ctx.fillText(String(v), left - 6, yOf(v) + 4);
      ctx.fillStyle = style.line;
      ctx.fillRect(left, Math.round(yOf(v)), right - left, 1);
    }
    ctx.textAlign = "center";
    ctx.fillStyle = style.muted;
    const every = [60, 300, 600, 1800, 3600].find((s) => (last - first) / 1000 / s <= 8) * 1000 || 7.2e6;
    for (let ms = Math.ceil(first / every) * every; ms <= last; ms += every) {
      ctx.fillText(clock(ms, false), xOf(ms), bottom + 16);
    }
    void top;
  }

  tell(ctx, style, xOf, top, bottom, mostV) {
    let found = this.points[this.points.length - 1];
    if (this.at !== null && this.at !== undefined) {
      found = this.points.reduce((a, b) => (Math.abs(xOf(b[0]) - this.at) < Math.abs(xOf(a[0]) - this.at) ? b : a));
      ctx.fillStyle = style.accent;
      ctx.fillRect(xOf(found[0]), top, 1, bottom - top);
    }
    const [ms, rate, quality, nV] = found;
    this.told.textContent = `${clock(ms)} · heart rate ${rate === null ? "unknown" : `${rate} bpm`} · ${nV} V beats in the last minute ` +
      `(bars, up to ${mostV}) · quality ${quality ?? "unknown"}`;
  }
}
