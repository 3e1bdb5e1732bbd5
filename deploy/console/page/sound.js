// Alarm sounds in the manner of IEC 60601-1-8: bursts of pulses with harmonics, by priority.
// Browsers are silent until somebody touches the page: the user switches sound on.

import { store, URGENCY } from "./store.js";

// Begin of each pulse in s; length of a pulse; time from burst to burst (60601-1-8, tables 3 and 4).
const BURSTS = {
  high: { at: [0, 0.2, 0.4, 0.75, 0.95, 1.9, 2.1, 2.3, 2.65, 2.85], pulse: 0.13, every: 7, gain: 0.5 },
  medium: { at: [0, 0.3, 0.6], pulse: 0.18, every: 10, gain: 0.35 },
  low: { at: [0, 0.4], pulse: 0.2, every: 22, gain: 0.22 },
};
const PITCH_HZ = 523, HARMONICS = [1, 0.6, 0.4, 0.3, 0.2];

export class Sound extends EventTarget {
  constructor() {
    super();
    this.enabled = false;
    this.heard = null;
    this.nextAt = 0;
    this.nBursts = 0;
    setInterval(() => this.turn(), 100);
    store.addEventListener("signal", (e) => this.anew(e.detail));
    this.tell();
  }

  async enable(wanted) {
    if (wanted && !this.context) {
      this.context = new AudioContext();
      const wave = this.context.createPeriodicWave(
        new Float32Array([0, ...HARMONICS.map(() => 0)]), new Float32Array([0, ...HARMONICS]),
      );
      this.wave = wave;
    }
    if (this.context) await (wanted ? this.context.resume() : this.context.suspend());
    this.enabled = wanted;
    this.nextAt = 0;
    localStorage.setItem("vigil.sound", wanted ? "on" : "off");
    this.tell();
  }

  // What is to be heard: the most urgent of all beds that are not paused.
  wanted() {
    const now = store.nowMs();
    let found = null;
    for (const { board } of store.patients.values()) {
      if (!board.sound || board.standby || (board.paused_until_ms ?? 0) > now) continue;
      if (found === null || URGENCY[board.sound] < URGENCY[found]) found = board.sound;
    }
    return found;
  }

  anew(signal) {
    if (signal.kind === "sound" && signal.priority) this.nextAt = 0;
  }

  turn() {
    const wanted = this.wanted();
    if (wanted !== this.heard) {
      this.heard = wanted;
      this.nextAt = 0;
      this.tell();
    }
    const now = performance.now() / 1000;
    if (wanted === null || now < this.nextAt) return;
    const burst = BURSTS[wanted];
    this.nextAt = now + burst.every;
    if (this.enabled) this.play(burst);
  }

  play(burst) {
    this.nBursts += 1;
    document.documentElement.dataset.bursts = this.nBursts;
    const start = this.context.currentTime + 0.05;
    for (const at of burst.at) {
      const tone = this.context.createOscillator(), level = this.context.createGain();
      tone.setPeriodicWave(this.wave);
      tone.frequency.value = PITCH_HZ;
      const begin = start + at, end = begin + burst.pulse;
      level.gain.setValueAtTime(0, begin);
      level.gain.linearRampToValueAtTime(burst.gain, begin + 0.02);
      level.gain.setValueAtTime(burst.gain, end - 0.03);
      level.gain.linearRampToValueAtTime(0, end);
      tone.connect(level).connect(this.context.destination);
      tone.start(begin);
      tone.stop(end + 0.01);
    }
  }

  tell() {
    document.documentElement.dataset.sound = this.heard ?? "silent";
    document.documentElement.dataset.audio = this.enabled ? "on" : "off";
    this.dispatchEvent(new Event("change"));
  }
}

export const sound = new Sound();
