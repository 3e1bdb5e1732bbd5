// One waveform: a ring of samples, played out evenly, drawn as a sweep that overwrites the oldest.

import { MISSING, MV_PER_STEP } from "./decode.js";

const RING = 8192;
const BEHIND_S = 0.45; // held back, so that what comes in portions flows
const SPANS_MV = [1, 1.5, 2, 3, 4, 6, 10];
const NICE = [1, 1.5, 2, 3, 5, 7, 10];
const GAP_S = 0.28;

export class Trace {
  // Where `free`, not an ECG in mV: samples are drawn as high as there is room.
  constructor(free = false) {
    this.setFree(free);
    this.ring = new Int16Array(RING).fill(MISSING);
    this.marks = [];
    this.clear();
  }

  setFree(free) {
    this.free = free;
    this.perStep = free ? 1 : MV_PER_STEP;
  }

  spanOf(range) {
    if (!this.free) return SPANS_MV.find((s) => s >= range) ?? SPANS_MV[SPANS_MV.length - 1];
    const power = 10 ** Math.floor(Math.log10(Math.max(range, 1)));
    return NICE.find((s) => s * power >= range) * power;
  }

  clear() {
    this.ring.fill(MISSING);
    this.end = 0; // one past the newest sample
    this.shown = 0; // how far it is played out
    this.drawn = 0; // how far it is drawn
    this.fs = 0;
    this.started = false;
    this.span = 2;
    this.middle = 0;
    this.scaledAt = 0;
    this.marks.length = 0;
  }

  push(first, fs, steps) {
    if (fs !== this.fs || first < this.end - RING || first > this.end + RING) {
      this.clear();
      this.fs = fs;
      this.end = first;
      this.shown = this.drawn = first;
    }
    for (let i = this.end; i < first; i++) this.ring[i & (RING - 1)] = MISSING;
    for (let i = 0; i < steps.length; i++) this.ring[(first + i) & (RING - 1)] = steps[i];
    this.end = Math.max(this.end, first + steps.length);
  }

  // Shows at once what is there.
  begin() {
    this.started = this.fs > 0;
    this.shown = Math.max(0, this.end - BEHIND_S * this.fs);
    this.drawn = 0;
  }

  mark(atS, letter) {
    this.marks.push({ atS, letter, fresh: true });
    if (this.marks.length > 40) this.marks.shift();
  }

  // Moves on by dt: a little faster where much waits, slower where little does.
  advance(dt) {
    if (!this.fs) return;
    const waiting = this.end - this.shown, wanted = BEHIND_S * this.fs;
    if (!this.started) {
      if (waiting < wanted) return;
      this.started = true;
      this.shown = this.end - wanted;
    } else if (waiting > 4 * wanted + this.fs) this.shown = this.end - wanted;
    const rate = Math.max(0.85, Math.min(1.25, 1 + (0.5 * (waiting - wanted)) / wanted));
    this.shown = Math.min(this.end, this.shown + dt * this.fs * rate);
  }

  // Range and middle of what is shown, in steps so that it seldom jumps. True where it changed.
  scale(now, windowS) {
    if (now - this.scaledAt < 2000) return false;
    this.scaledAt = now;
    const from = Math.max(0, Math.floor(this.shown - windowS * this.fs)), kept = [];
    for (let i = from; i < this.shown; i++) {
      const v = this.ring[i & (RING - 1)];
      if (v !== MISSING) kept.push(v);
    }
    if (kept.length < this.fs) return false;
    kept.sort((a, b) => a - b);
    const at = (q) => kept[Math.floor(q * (kept.length - 1))] * this.perStep;
    const low = at(0.002), high = at(0.998);
    const span = this.spanOf((high - low) * (this.free ? 1.4 : 1.15));
    let middle = (low + high) / 2;
    if (high - low > span) middle = at(0.5);
    const moved = Math.abs(middle - this.middle) > 0.12 * this.span;
    if (span === this.span && !moved) return false;
    if (span < this.span && (high - low) * 1.5 > this.span && !moved) return false;
    this.span = span;
    this.middle = middle;
    return true;
  }

  // Draws what is new into a box of a canvas; everything where `whole`.
  draw(ctx, box, windowS, style, whole) {
    const { x, y, w, h } = box;
    if (!this.fs || w < 8) return;
    const perSample = w / (windowS * this.fs);
    const perMv = h / this.span, zero = y + h / 2 + this.middle * perMv;
    const last = Math.floor(this.shown) - 1;
    const oldest = Math.ceil(this.shown - (windowS - GAP_S) * this.fs);
    let from = whole ? Math.max(oldest, this.end - RING + 1, 0) : this.drawn;
    if (from < oldest) from = oldest;
    const width = windowS * this.fs;
    const xOf = (i) => x + (i % width) * perSample;
    if (last >= from) {
      const head = xOf(last), gap = GAP_S * this.fs * perSample;
      if (!whole) this.wipe(ctx, box, xOf(from), head, gap);
      ctx.beginPath();
      let pen = false, before = -1;
      for (let i = Math.max(from - 1, 0); i <= last; i++) {
        const v = this.ring[i & (RING - 1)];
        const at = xOf(i);
        if (v === MISSING || at < before) pen = false;
        if (v !== MISSING) {
          const up = Math.min(Math.max(zero - v * this.perStep * perMv, y + 1), y + h - 1);
          if (pen) ctx.lineTo(at, up);
          else ctx.moveTo(at, up);
          pen = true;
        }
        before = at;
      }
      ctx.strokeStyle = style.trace;
      ctx.stroke();
      this.drawn = last + 1;
    }
    this.letters(ctx, box, windowS, style, whole);
  }

  wipe(ctx, { x, y, w, h }, from, head, gap) {
    const right = x + w;
    if (head >= from) ctx.clearRect(from + 1, y - 14, Math.min(head + gap, right) - from, h + 15);
    else {
      ctx.clearRect(from + 1, y - 14, right - from, h + 15);
      ctx.clearRect(x, y - 14, head + gap - x, h + 15);
    }
    if (head + gap > right) ctx.clearRect(x, y - 14, head + gap - right, h + 15);
  }

  letters(ctx, { x, y, w }, windowS, style, whole) {
    const nowS = this.shown / this.fs, widthS = (9 * windowS) / w; // the sweep would wipe half a letter
    for (const mark of this.marks) {
      if (!(whole || mark.fresh) || nowS - mark.atS > windowS - GAP_S) continue;
      if (mark.atS > nowS - widthS) continue; // it is told when the sweep has come there
      mark.fresh = false;
      const at = x + ((mark.atS % windowS) / windowS) * w;
      ctx.fillStyle = style[mark.letter] ?? style.other;
      ctx.fillText(mark.letter, at, y - 3);
    }
  }
}
