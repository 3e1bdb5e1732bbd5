// Blocks of waveforms as deploy/console/waves.py packs them.

const WHOLE = 0;
export const WALL = 1, DETAIL = 2, MISSING = -32768, MV_PER_STEP = 0.005;

export function decode(buffer) {
  const view = new DataView(buffer);
  const kind = view.getUint8(0), nWaves = view.getUint16(2, true);
  const number = view.getFloat64(4, true), nText = view.getUint32(12, true);
  const told = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 16, nText)));
  let at = 16 + nText;
  const waves = [];
  for (let w = 0; w < nWaves; w++) {
    const index = view.getUint16(at, true), nLeads = view.getUint8(at + 2);
    const first = view.getFloat64(at + 4, true), fs = view.getFloat32(at + 12, true);
    const n = view.getUint16(at + 16, true);
    at += 18;
    const leads = [];
    for (let lead = 0; lead < nLeads; lead++) {
      const form = view.getUint8(at);
      const steps = new Int16Array(n);
      at += 1;
      if (form === WHOLE) {
        for (let i = 0; i < n; i++) steps[i] = view.getInt16(at + 2 * i, true);
        at += 2 * n;
      } else {
        let value = view.getInt16(at, true);
        steps[0] = value;
        for (let i = 1; i < n; i++) steps[i] = value += view.getInt8(at + 1 + i);
        at += 1 + n;
      }
      leads.push(steps);
    }
    waves.push({ index, first, fs, leads });
  }
  return { kind, number, told, waves };
}
