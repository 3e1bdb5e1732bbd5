// The WebSocket: begins where it was cut off, tells of a cut within a moment, comes back by itself.

import { decode, WALL } from "./decode.js";

const SILENT_MS = 2500; // the server says something every second
const WAITS_MS = [300, 700, 1500, 3000, 5000];

export class Feed extends EventTarget {
  constructor() {
    super();
    this.epoch = "";
    this.seq = -1;
    this.block = 0;
    this.wall = 8;
    this.detail = null;
    this.live = false;
    this.cutAt = 0;
    this.tries = 0;
    this.stopped = true;
    this.heardAt = 0;
    this.nBytes = 0;
    setInterval(() => this.check(), 500);
    addEventListener("online", () => this.hurry());
    addEventListener("offline", () => this.lost());
  }

  start() {
    if (!this.stopped) return;
    this.stopped = false;
    this.open();
  }

  stop() {
    this.stopped = true;
    this.live = false;
    clearTimeout(this.timer);
    this.drop();
  }

  // What the page shows now: how far the wall is thinned, and whose leads are wanted. The wall's
  // waveforms go on coming behind other pages: who comes back to it finds it as it was.
  show(wall, detail) {
    wall ??= this.wall;
    if (wall === this.wall && detail === this.detail) return;
    this.wall = wall;
    this.detail = detail;
    if (this.live) this.socket.send(JSON.stringify({ op: "show", wall, detail }));
  }

  open() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/ws`);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.heardAt = performance.now();
    socket.onopen = () => {
      const { epoch, seq, block, wall, detail } = this;
      socket.send(JSON.stringify({ op: "begin", epoch, seq, block, wall, detail }));
    };
    socket.onmessage = (message) => this.hear(message.data);
    socket.onclose = (event) => {
      if (socket !== this.socket) return;
      if (event.code === 4401) {
        this.stop();
        window.dispatchEvent(new Event("signed-out"));
      } else this.lost();
    };
  }

  hear(data) {
    this.heardAt = performance.now();
    if (!this.live) {
      this.live = true;
      this.tries = 0;
      this.tell("live");
    }
    if (typeof data !== "string") {
      this.nBytes += data.byteLength;
      const told = decode(data);
      if (told.kind === WALL) this.block = told.number;
      this.tell("block", told);
      return;
    }
    this.nBytes += data.length;
    const told = JSON.parse(data);
    if (told.t === "hello") {
      this.epoch = told.epoch;
      this.seq = told.seq;
      this.tell("hello", told);
    } else if (told.t === "events") {
      for (const item of told.items) {
        this.seq = item.seq;
        this.tell("item", item);
      }
    } else if (told.t === "beat") this.tell("time", told.now_ms);
  }

  check() {
    if (!this.stopped && this.live && performance.now() - this.heardAt > SILENT_MS) this.lost();
    if (!this.stopped && !this.live) this.tell("cut");
  }

  drop() {
    const socket = this.socket;
    this.socket = null;
    if (socket) {
      socket.onmessage = socket.onclose = null;
      socket.close();
    }
  }

  lost() {
    if (this.stopped) return;
    this.drop();
    if (this.live || !this.cutAt) this.cutAt = Date.now();
    this.live = false;
    this.tell("cut");
    clearTimeout(this.timer);
    const wait = WAITS_MS[Math.min(this.tries++, WAITS_MS.length - 1)];
    this.timer = setTimeout(() => this.open(), wait * (0.8 + 0.4 * Math.random()));
  }

  hurry() {
    if (this.stopped || this.live) return;
    clearTimeout(this.timer);
    this.tries = 0;
    this.open();
  }

  tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

export const feed = new Feed();
