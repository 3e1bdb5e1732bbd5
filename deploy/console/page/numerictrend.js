// The trend of one of the numerics; of a pressure a band from diastolic to systolic, and its mean.

import { h } from "./dom.js";
import { fit } from "./paper.js";

const LEFT = 34, TOP = 16;

export class NumericTrend {
  constructor() {
    this.canvas = h("canvas", { class: "numeric", role: "img" });
  }

  draw({ label, unit, points }, style) {
    const { ctx, w, h: high } = fit(this.canvas);
    if (!w) return;
    ctx.clearRect(0, 0, w, high);
    const values = points.flatMap((point) => point.slice(1)).filter((v) => v !== null);
    const name = `${label}${unit ? `, ${unit}` : ""}`;
    ctx.fillStyle = style.text;
    ctx.font = "700 13px system-ui, sans-serif";
    ctx.textAlign = "left";
    ctx.fillText(name, LEFT, 12);
    this.canvas.setAttribute("aria-label", values.length
      ? `Trend of ${name}: ${Math.min(...values)} to ${Math.max(...values)}` : `Trend of ${name}: unknown`);
    if (points.length < 2 || !values.length) return;
    const least = Math.min(...values), most = Math.max(...values), room = Math.max(most - least, 4) * 0.15;
    const low = least - room, top = Math.max(most, least + 4) + room, bottom = high - 4, right = w - 34;
    const last = points[points.length - 1][0], first = Math.min(points[0][0], last - 120_000);
    const xOf = (ms) => LEFT + ((ms - first) / (last - first)) * (right - LEFT);
    const yOf = (v) => bottom - ((v - low) / (top - low)) * (bottom - TOP);
    ctx.font = "12px system-ui, sans-serif";
    ctx.textAlign = "right";
    for (const v of [least, most]) {
      ctx.fillStyle = style.line;
      ctx.fillRect(LEFT, Math.round(yOf(v)), right - LEFT, 1);
      ctx.fillStyle = style.muted;
      ctx.fillText(String(Math.round(v)), LEFT - 6, yOf(v) + 4);
      if (most - least < 2) break;
    }
    if (points[0].length > 2) this.band(ctx, style, points, xOf, yOf);
    else this.line(ctx, style, points, 1, xOf, yOf);
  }

  band(ctx, style, points, xOf, yOf) {
    ctx.fillStyle = style.pulse;
    ctx.globalAlpha = 0.35;
    points.slice(1).forEach(([ms, sys, dia], i) => {
      const [before] = points[i];
      if (sys !== null && dia !== null) ctx.fillRect(xOf(before), yOf(sys), xOf(ms) - xOf(before) + 0.5, yOf(dia) - yOf(sys));
    });
    ctx.globalAlpha = 1;
    this.line(ctx, style, points, 3, xOf, yOf);
  }

  line(ctx, style, points, column, xOf, yOf) {
    ctx.beginPath();
    let pen = false;
    for (const point of points) {
      const v = point[column];
      if (v === null || v === undefined) pen = false;
      else if (pen) ctx.lineTo(xOf(point[0]), yOf(v));
      else {
        ctx.moveTo(xOf(point[0]), yOf(v));
        pen = true;
      }
    }
    ctx.strokeStyle = style.pulse;
    ctx.lineWidth = 2;
    ctx.lineJoin = "round";
    ctx.stroke();
  }
}
