// Why an alarm was raised, in words and figures; what an alarm does not tell is left out.

import { h } from "./dom.js";

const percent = (v) => `${Math.round(100 * v)} %`;
const KNOWN = new Set([
  "schema", "id", "stream_id", "session", "condition", "kind", "priority", "latching", "state", "onset", "offset",
  "decided", "score", "heart_rate_bpm", "quality", "beats", "strip", "model", "models", "limits",
  "acknowledgement", "profile", "explanation", "corroboration", "lead",
]);

export function reasons(alarm) {
  const told = [];
  const add = (name, value) => {
    if (value !== null && value !== undefined && value !== "") told.push([name, value]);
  };
  add("Heart rate", alarm.heart_rate_bpm === null ? null : `${Math.round(alarm.heart_rate_bpm)} bpm`);
  add("Probability of V", alarm.score === null ? null : `${percent(alarm.score)}, mean of the beats that raised it`);
  add("Signal quality", alarm.quality?.index === null || alarm.quality === undefined ? null : percent(alarm.quality.index));
  const behind = Date.parse(alarm.decided.utc) - Date.parse(alarm.onset.utc);
  add("Decided", `${(behind / 1000).toFixed(1)} s behind the onset`);
  add("Limits", Object.entries(alarm.limits ?? {}).map(([k, v]) => limit(k, v)).join(", "));
  add("Profile", alarm.profile);
  if (alarm.beats?.length) {
    const text = alarm.beats.map((b) => `${b.aami}\u2009${percent(b.confidence)}`).join("  ");
    add("Beats", text);
  }
  if (alarm.explanation) add("Explanation", "shaded in the strip: what raised the model's logit of V");
  add("Acknowledged", alarm.acknowledgement ? `${alarm.acknowledgement.by}` : null);
  add("Model", `${alarm.model.name} ${alarm.model.version}, ${alarm.model.digest.slice(0, 12)}`);
  const pulses = alarm.corroboration;
  if (pulses) {
    const rate = pulses.rate_bpm ? `, ${Math.round(pulses.rate_bpm)} bpm` : "";
    add("Pulses", `${inWords(pulses.verdict)}: ${inWords(pulses.reason)} (${pulses.signal ?? "no signal"}${rate})`);
  }
  add("Lead", alarm.lead);
  // Whatever a newer monitor tells.
  for (const [name, value] of Object.entries(alarm)) {
    if (!KNOWN.has(name)) add(name.replaceAll("_", " "), inWords(value));
  }
  return h("dl", { class: "reasons" }, ...told.map(([name, value]) => h("div", { class: String(value).length > 60 ? "wide-reason" : "" }, h("dt", {}, name), h("dd", {}, value))));
}

// A limit's name ends with its unit: v_run_max_rr_s 2 is "v run max rr 2 s".
function limit(name, value) {
  const [, bare, unit] = name.match(/^(.*?)(?:_(s|ms|bpm|mv|share))?$/);
  const told = unit === "share" ? percent(value) : `${value}${unit ? ` ${unit}` : ""}`;
  return `${bare.replaceAll("_", " ")} ${told}`;
}

function inWords(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return String(Math.round(value * 1000) / 1000);
  if (Array.isArray(value)) return value.map(inWords).join(", ");
  if (typeof value === "object") {
    return Object.entries(value).map(([k, v]) => `${k.replaceAll("_", " ")}: ${inWords(v)}`).join("; ");
  }
  return String(value).replaceAll("_", " ");
}
