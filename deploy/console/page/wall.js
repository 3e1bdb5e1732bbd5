// The wall: a tile a patient, all waveforms on one canvas that lies over them.

import { h, setText, setClass } from "./dom.js";
import { feed } from "./feed.js";
import { store, firstLine, urgency } from "./store.js";
import { Band, bedState, words } from "./alarmview.js";
import { NO_VALUE, Numbers } from "./numbers.js";
import { sweepStyle } from "./style.js";

const SORT_MS = 2000; // tiles do not jump about more often
const SILENT_MS = 4000;

export class Wall {
  constructor({ open, acknowledge }) {
    this.open = open;
    this.acknowledge = acknowledge;
    this.tiles = new Map();
    this.filter = "";
    this.order = localStorage.getItem("vigil.order") || "urgency";
    this.grid = h("ul", { class: "grid", "aria-label": "Patients" });
    this.scroller = h("div", { class: "scroller" }, this.grid);
    this.canvas = h("canvas", { class: "sweep", "aria-hidden": "true" });
    this.empty = h("p", { class: "empty", role: "status" }, "Waiting for the first patient …");
    this.element = h("div", { class: "wall" }, this.scroller, this.canvas, this.empty);
    this.ctx = this.canvas.getContext("2d");
    this.sortedAt = 0;
    this.frames = 0;
    this.listeners = new AbortController();
    const { signal } = this.listeners;
    const again = () => { this.dirty = true; };
    store.addEventListener("reset", () => this.sync(), { signal });
    store.addEventListener("board", () => { this.refreshAt = 0; }, { signal });
    this.scroller.addEventListener("scroll", () => { this.whole = true; }, { signal, passive: true });
    addEventListener("theme", () => { this.whole = true; }, { signal });
    new ResizeObserver(again).observe(this.element);
    this.sync();
    this.loop = requestAnimationFrame((t) => this.frame(t));
  }

  close() {
    cancelAnimationFrame(this.loop);
    this.listeners.abort();
  }

  sync() {
    for (const [id, tile] of this.tiles) {
      if (store.patients.get(id)?.of !== "") {
        tile.element.remove();
        this.tiles.delete(id);
      }
    }
    for (const patient of store.patients.values()) {
      if (!patient.of && !this.tiles.has(patient.id)) this.tiles.set(patient.id, new Tile(patient.id, this));
    }
    this.sort(true);
    this.dirty = true;
    this.refreshAt = 0;
  }

  search(text) {
    this.filter = text.trim().toLowerCase();
    this.sort(true);
    this.dirty = true;
  }

  setOrder(order) {
    this.order = order;
    localStorage.setItem("vigil.order", order);
    this.sort(true);
  }

  fits(patient) {
    if (!this.filter) return true;
    const told = [patient.bed, `bed ${patient.bed}`, patient.id, patient.rhythm,
      ...store.lines(patient).map((line) => words(line.condition))];
    return told.some((text) => text.toLowerCase().includes(this.filter));
  }

  sort(now) {
    const shown = [...store.patients.values()].filter((p) => !p.of && this.fits(p));
    const key = (p) => (this.order === "urgency" ? urgency(p) : 0);
    shown.sort((a, b) => key(a) - key(b) || a.index - b.index);
    this.sortedAt = performance.now();
    const ids = shown.map((p) => p.id).join("\n");
    if (ids === this.ids) return;
    if (!now && this.grid.matches(":hover") && this.grid.querySelector(":active")) return;
    this.ids = ids;
    const focused = document.activeElement;
    this.grid.replaceChildren(...shown.map((p) => this.tiles.get(p.id).element));
    if (focused && this.grid.contains(focused)) focused.focus({ preventScroll: true });
    this.empty.hidden = shown.length > 0;
    setText(this.empty, this.filter ? "No patient fits the search." : "Waiting for the first patient …");
    this.shownIds = shown.map((p) => p.id);
    this.dirty = true;
  }

  // As many columns as give tiles the best shape; where they would be too small the wall scrolls.
  layout() {
    const n = this.shownIds?.length ?? 0;
    const { width, height } = this.element.getBoundingClientRect();
    if (!width || !height) return;
    let best = null;
    for (let columns = 1; columns <= Math.min(n, 10); columns++) {
      const rows = Math.ceil(n / columns), w = width / columns, high = Math.min(height / rows, w * 0.75);
      if (w < 215 || height / rows < 88) continue;
      const score = Math.min(w / 2.6, high) * (1 - 0.04 * (columns * rows - n));
      if (!best || score > best.score) best = { columns, rows, high: height / rows, score };
    }
    if (!best) {
      const columns = Math.max(1, Math.floor(width / 300));
      best = { columns, high: width < 600 ? 132 : 124 };
    }
    if (n <= 2) best.high = Math.min(best.high, height / Math.max(n, 1));
    this.grid.style.setProperty("--columns", best.columns);
    this.grid.style.setProperty("--row-high", `${Math.floor(best.high)}px`);
    this.element.classList.toggle("dense", best.high < 118);
    const ratio = Math.min(devicePixelRatio || 1, 2);
    this.ratio = ratio;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    const base = this.element.getBoundingClientRect(), top = this.scroller.scrollTop;
    for (const tile of this.tiles.values()) tile.measure(base, top);
    const first = this.tiles.get(this.shownIds?.[0]);
    if (first?.box) {
      const w = first.box.w;
      this.windowS = Math.max(4, Math.min(12, Math.round(w / 50)));
      const perS = (w * ratio) / this.windowS;
      feed.show(perS > 130 ? 1 : perS > 70 ? 4 : 8, null);
    }
    this.whole = true;
    this.dirty = false;
  }

  frame(t) {
    this.loop = requestAnimationFrame((next) => this.frame(next));
    const dt = Math.min((t - (this.before ?? t)) / 1000, 1);
    this.before = t;
    this.frames += 1;
    if (t - this.sortedAt > SORT_MS) this.sort(false);
    if (this.dirty) this.layout();
    if (t > (this.refreshAt ?? 0)) {
      this.refreshAt = t + 500;
      for (const id of this.shownIds ?? []) this.tiles.get(id).refresh(t);
    }
    if (feed.live) for (const p of store.patients.values()) p.trace.advance(dt);
    this.draw(t);
  }

  draw(t) {
    if (!this.ratio) return;
    const { ctx, ratio } = this, style = sweepStyle();
    const top = this.scroller.scrollTop, height = this.canvas.height / ratio;
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.lineWidth = ratio > 1 ? 1.4 : 1.6;
    ctx.lineJoin = "round";
    ctx.font = "700 13px system-ui, sans-serif";
    ctx.textAlign = "center";
    const whole = this.whole;
    if (whole) ctx.clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.whole = false;
    for (const id of this.shownIds ?? []) {
      const tile = this.tiles.get(id), patient = store.patients.get(id);
      if (!tile.box || !patient) continue;
      const box = { ...tile.box, y: tile.box.y - top };
      if (box.y > height || box.y + box.h < 0) continue;
      const rescaled = patient.trace.scale(t, this.windowS);
      if (rescaled) ctx.clearRect(box.x - 1, box.y - 15, box.w + 2, box.h + 16);
      patient.trace.draw(ctx, box, this.windowS, style, whole || rescaled);
    }
  }

  // Arrow keys go from tile to tile.
  move(dx, dy) {
    const ids = this.shownIds ?? [];
    if (!ids.length) return;
    const columns = Number(this.grid.style.getPropertyValue("--columns")) || 1;
    const at = ids.indexOf(this.selected());
    const next = at < 0 ? 0 : Math.max(0, Math.min(ids.length - 1, at + dx + dy * columns));
    this.tiles.get(ids[next]).link.focus();
  }

  selected() {
    return document.activeElement?.closest?.(".tile")?.dataset.id ?? null;
  }
}

class Tile {
  constructor(id, wall) {
    this.id = id;
    const name = "span";
    this.bed = h(name, { class: "bed" });
    this.who = h(name, { class: "who" });
    this.rhythm = h(name, { class: "rhythm" });
    this.quality = h(name, { class: "quality", role: "img" }, ...[0, 1, 2, 3].map(() => h("i")));
    this.note = h(name, { class: "note" });
    this.trace = h("div", { class: "trace" });
    this.heart = h(name, { class: "heart", "aria-hidden": "true" }, "♥");
    this.rate = h(name, { class: "rate" });
    this.numbers = new Numbers();
    this.column = h("div", { class: "number" }, this.rate, this.numbers.element);
    this.band = new Band();
    this.link = h("a", { class: "open", href: `#/patient/${encodeURIComponent(id)}` },
      h("div", { class: "head" }, this.bed, this.who, this.note, this.rhythm, this.heart, this.quality),
      h("div", { class: "middle" }, this.trace, this.column),
      this.band.element);
    this.button = h("button", {
      class: "ack", type: "button", hidden: true, onclick: () => wall.acknowledge(id),
    }, "Ack");
    this.element = h("li", { class: "tile", "data-id": id }, this.link, this.button);
    this.beatAt = 0;
  }

  measure(base, scrolled) {
    if (!this.element.isConnected) {
      this.box = null;
      return;
    }
    this.band.called = null; // there may be another room for its name
    const r = this.trace.getBoundingClientRect();
    this.narrow = this.element.offsetWidth < 330;
    setText(this.button, this.narrow ? "✓" : "Ack");
    this.numbers.room(this.column.clientHeight - this.rate.offsetHeight);
    this.box = { x: r.left - base.left, y: r.top - base.top + scrolled + 14, w: r.width, h: r.height - 16 };
  }

  refresh(t) {
    const patient = store.patients.get(this.id);
    if (!patient) return;
    const line = firstLine(patient), nowMs = store.nowMs(), { board } = patient;
    setText(this.bed, patient.bed);
    setText(this.who, patient.id === patient.bed ? "" : patient.id);
    const silent = feed.live && t - patient.heardAt > SILENT_MS;
    const rate = patient.hr === null || silent ? NO_VALUE : String(Math.round(patient.hr));
    setText(this.rate, rate);
    setText(this.rhythm, silent ? "no signal" : patient.rhythm);
    this.showQuality(silent ? null : patient.quality);
    const numbers = this.numbers.show(patient);
    const more = store.lines(patient).length - 1;
    this.band.show(line, nowMs, more, this.narrow);
    setText(this.note, bedState(patient, nowMs));
    const state = line ? `${line.priority} ${line.phase}` : board.standby ? "standby" : "";
    setClass(this.element, `tile ${state}${silent ? " silent" : ""}`);
    const heard = line && line.phase !== "acknowledged";
    this.button.hidden = !heard;
    if (heard) this.button.setAttribute("aria-label", `Acknowledge alarms of bed ${patient.bed}`);
    const told = `Bed ${patient.bed}, ${patient.id}, heart rate ${rate === NO_VALUE ? "unknown" : rate}, ${patient.rhythm || "rhythm unknown"}` +
      numbers +
      (line ? `, ${line.priority} alarm: ${words(line.condition)} ${line.phase}` : "");
    if (told !== this.told) {
      this.told = told;
      this.link.setAttribute("aria-label", told);
    }
    if (patient.beatAt && patient.beatAt !== this.beatAt) {
      this.beatAt = patient.beatAt;
      this.heart.animate?.([{ opacity: 1 }, { opacity: 0.25 }], { duration: 420 });
    }
  }

  showQuality(quality) {
    const level = quality === null ? -1 : quality > 0 ? Math.min(4, Math.max(1, Math.round(quality * 4))) : 0;
    if (level === this.level) return;
    this.level = level;
    this.quality.className = `quality q${level}`;
    const told = ["unreadable", "poor", "fair", "good", "very good"][level] ?? "unknown";
    this.quality.setAttribute("aria-label", `Signal ${told}`);
    this.quality.title = `Signal ${told}`;
  }
}
