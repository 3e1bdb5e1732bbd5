// ECG paper: 1 mm is 40 ms and 0.1 mV at 25 mm/s and 10 mm/mV, heavier lines every 5 mm.

import { MISSING, MV_PER_STEP } from "./decode.js";

export function fit(canvas, height = null) {
  const ratio = Math.min(devicePixelRatio || 1, 2);
  const width = canvas.clientWidth, high = height ?? canvas.clientHeight;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(high * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(high * ratio);
  }
  const ctx = canvas.getContext("2d");
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  return { ctx, w: width, h: high };
}

export function drawGrid(ctx, style, w, h, pxPerS, pxPerMv, offsetX = 0) {
  ctx.fillStyle = style.paper;
  ctx.fillRect(0, 0, w, h);
  const stepX = pxPerS * 0.04, stepY = pxPerMv * 0.1;
  for (const [every, colour] of [[1, style.fine], [5, style.coarse]]) {
    if (stepX * every < 3.5) continue;
    ctx.beginPath();
    const first = Math.floor(-offsetX / (stepX * every)) * stepX * every;
    for (let x = first + offsetX; x <= w; x += stepX * every) {
      ctx.moveTo(Math.round(x) + 0.5, 0);
      ctx.lineTo(Math.round(x) + 0.5, h);
    }
    for (let y = h / 2; y <= h; y += stepY * every) {
      for (const at of [y, h - y]) {
        ctx.moveTo(0, Math.round(at) + 0.5);
        ctx.lineTo(w, Math.round(at) + 0.5);
      }
    }
    ctx.strokeStyle = colour;
    ctx.lineWidth = 1;
    ctx.stroke();
  }
}

// A line through samples; where several fall on a pixel, the least and the greatest of them.
export function drawLine(ctx, { steps, from = 0, to = steps.length, xOf, zero, pxPerMv, top, bottom, middle = 0 }) {
  ctx.beginPath();
  let pen = false, column = null, low = 0, high = 0, last = 0;
  const yOf = (v) => Math.min(Math.max(zero - (v * MV_PER_STEP - middle) * pxPerMv, top), bottom);
  const flush = () => {
    if (column === null) return;
    if (low !== high) {
      ctx.lineTo(column, yOf(high));
      ctx.lineTo(column, yOf(low));
    }
    ctx.lineTo(column, yOf(last));
  };
  for (let i = from; i < to; i++) {
    const v = steps[i];
    if (v === null || v === MISSING) {
      flush();
      column = null;
      pen = false;
      continue;
    }
    const x = Math.round(xOf(i) * 2) / 2;
    if (!pen) {
      ctx.moveTo(x, yOf(v));
      pen = true;
      column = x;
      low = high = last = v;
    } else if (x !== column) {
      flush();
      column = x;
      low = high = last = v;
    } else {
      low = Math.min(low, v);
      high = Math.max(high, v);
      last = v;
    }
  }
  flush();
  ctx.stroke();
}

// Middle of what is there in mV: the median, so that a QRS does not move it.
export function middleOf(steps) {
  const kept = steps.filter((v) => v !== null && v !== MISSING);
  if (!kept.length) return 0;
  const sorted = Float32Array.from(kept).sort();
  return sorted[sorted.length >> 1] * MV_PER_STEP;
}
