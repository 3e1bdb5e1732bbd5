// What people do about alarms, and the dialogs that ask for who knows what and why.

import { h, toast } from "./dom.js";
import { command, get, may, post } from "./api.js";
import { store } from "./store.js";
import { words } from "./alarmview.js";

export function openDialog(inside, { broad = false, closed = null } = {}) {
  const dialog = h("dialog", { class: broad ? "broad" : "" }, inside);
  const title = inside.querySelector("h2");
  if (title) {
    title.id = `title-${Math.random().toString(36).slice(2)}`;
    dialog.setAttribute("aria-labelledby", title.id);
  }
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog || event.target.closest("[data-close]")) dialog.close();
  });
  dialog.addEventListener("close", () => {
    dialog.remove();
    closed?.();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

// A form in a dialog: `send` gets what was filled in; what is refused is told, and can be mended.
export function ask({ title, text, fields, act, danger, send }) {
  const wrong = h("p", { class: "wrong", role: "alert" });
  const button = h("button", { type: "submit", class: danger ? "danger" : "main" }, act);
  const form = h("form", { method: "dialog", onsubmit: async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      await send(Object.fromEntries(new FormData(form)));
      dialog.close();
    } catch (error) {
      wrong.textContent = error.message;
    }
    button.disabled = false;
  } },
  h("h2", {}, title), text ? h("p", { class: "hint" }, text) : null, ...fields, wrong,
  h("div", { class: "row end" }, h("button", { type: "button", "data-close": "" }, "Cancel"), button));
  const dialog = openDialog(form);
  form.querySelector("input, select, textarea")?.focus();
  return dialog;
}

export const reason = (label = "Why", value = "") =>
  h("label", {}, label, h("input", { name: "why", required: true, maxlength: 200, value, autocomplete: "off" }));

const bedOf = (id) => `bed ${store.patients.get(id)?.bed ?? id}`;

function refused() {
  if (may("clinician")) return false;
  toast("Your account may look, not act: this needs the role clinician.", true);
  return true;
}

async function run(id, told, done) {
  if (refused()) return false;
  try {
    const { state } = await command(id, told);
    toast(state === "sent" ? `${done} Sent to the monitor.` : done);
    return true;
  } catch (error) {
    toast(error.message, true);
    return false;
  }
}

// What is done to a patient is done to all streams that are shown as one.
const runAll = (ids, told, done) => Promise.all(ids.map((id) => run(id, told, done)));

export function acknowledge(id, condition = null) {
  const told = { command: "acknowledge" };
  if (typeof condition === "string") told.condition = condition;
  const heard = (each) => store.patients.get(each)?.board.lines
    .some((line) => line.phase !== "acknowledged" && (!told.condition || line.condition === told.condition));
  const ids = store.streams(id).filter(heard);
  return runAll(ids.length ? ids : [id], told, `Acknowledged for ${bedOf(id)}.`);
}

export function pause(id) {
  const until = store.patients.get(id)?.board.paused_until_ms ?? 0;
  const [command, done] = until > store.nowMs() ? ["audio_on", "on again"] : ["audio_pause", "paused"];
  return runAll(store.streams(id), { command }, `Sound of ${bedOf(id)} is ${done}.`);
}

export function standby(id) {
  if (refused()) return;
  if (store.patients.get(id)?.board.standby) {
    runAll(store.streams(id), { command: "resume" }, `Monitoring of ${bedOf(id)} goes on.`);
    return;
  }
  ask({
    title: `Standby for ${bedOf(id)}`, act: "Standby", danger: true, fields: [reason()],
    text: "No alarm of this patient is told until somebody ends the standby.",
    send: ({ why }) => Promise.all(store.streams(id).map((each) => command(each, { command: "standby", why }))),
  });
}

const SHOWN_LIMITS = [
  ["tachycardia_bpm", "Tachycardia above", "bpm"], ["bradycardia_bpm", "Bradycardia below", "bpm"],
  ["extreme_tachycardia_bpm", "Extreme tachycardia above", "bpm"],
  ["extreme_bradycardia_bpm", "Extreme bradycardia below", "bpm"],
  ["asystole_s", "Asystole from", "s"], ["pause_s", "Pause from", "s"],
  ["vt_bpm", "Ventricular tachycardia above", "bpm"], ["vt_beats", "with this many V beats", ""],
];

const KNOWN = {
  set: "selected", told: "told by the monitor", configured: "the monitor's setting",
  profile: "the profile's", assumed: "an adult's: not told yet",
};

export async function limitsDialog(id) {
  if (refused()) return;
  let known, profile;
  try {
    ({ limits: known, profile } = await get(`/api/patients/${encodeURIComponent(id)}/limits`));
  } catch (error) {
    toast(error.message, true);
    return;
  }
  const byName = new Map(known.map((limit) => [limit.name, limit]));
  const fields = SHOWN_LIMITS.filter(([name]) => byName.has(name)).map(([name, label, unit]) => {
    const limit = byName.get(name);
    return h("label", {}, `${label}${unit ? `, ${unit}` : ""}`, h("input", {
      name, type: "number", min: String(limit.low), max: String(limit.high), value: String(limit.value),
      step: limit.whole ? "1" : "0.5", required: true,
    }), h("small", {}, `${limit.low} to ${limit.high}; ${KNOWN[limit.known]}`));
  });
  ask({
    title: `Alarm limits of ${bedOf(id)}`, act: "Set limits",
    text: `Selected for this patient, logged with your name, and refused whole where they contradict one another.${profile ? ` The monitor's profile is ${profile}.` : ""}`,
    fields: [h("div", { class: "two" }, ...fields), reason()],
    send: async (told) => {
      const limits = {};
      for (const [name] of SHOWN_LIMITS) {
        if (byName.has(name) && Number(told[name]) !== byName.get(name).value) limits[name] = Number(told[name]);
      }
      await command(id, { command: "set_limits", why: told.why, limits });
      toast(`Limits of ${bedOf(id)} are set.`);
    },
  });
}

export function alarmOffDialog(id, condition) {
  if (refused()) return;
  ask({
    title: `${words(condition)} off for ${bedOf(id)}`, act: "Alarm off", danger: true, fields: [reason()],
    text: "This condition is not told for this patient until it is switched on again.",
    send: ({ why }) => command(id, { command: "alarm_off", condition, why }),
  });
}

export const alarmOn = (id, condition) =>
  run(id, { command: "alarm_on", condition }, `${words(condition)} is told again.`);

export const VERDICTS = { true: "True alarm", false: "False alarm", artefact: "Artefact", relabel: "Relabelled beat" };

export function feedbackDialog(alarm, verdict) {
  if (refused()) return;
  ask({
    title: `${VERDICTS[verdict]}: ${words(alarm.condition)}`, act: "Give feedback",
    text: "Kept with your name, never changed; others may dispute it.", fields: [reason()],
    send: async ({ why }) => {
      await post(`/api/patients/${encodeURIComponent(alarm.stream_id)}/feedback`, { verdict, why, alarm_id: alarm.id });
      toast("Thank you: the feedback is kept.");
    },
  });
}

export function relabelDialog(id, beat, alarm) {
  if (refused()) return;
  const letters = [["N", "normal"], ["S", "supraventricular"], ["V", "ventricular"], ["F", "fusion"], ["Q", "unclassifiable"]];
  ask({
    title: `Beat called ${beat.aami}`, act: "Relabel", fields: [
      h("label", {}, "It is", h("select", { name: "label" }, ...letters.filter(([l]) => l !== beat.aami)
        .map(([l, told]) => h("option", { value: l }, `${l}, ${told}`)))), reason()],
    send: async ({ label, why }) => {
      const told = { verdict: "relabel", label, why, sample: beat.sample };
      if (alarm) told.alarm_id = alarm.id;
      await post(`/api/patients/${encodeURIComponent(id)}/feedback`, told);
      toast(`Kept: this beat is ${label}.`);
    },
  });
}

export function disputeDialog(said) {
  if (refused()) return;
  const other = { true: "false", false: "true", artefact: "true", relabel: "relabel" }[said.verdict];
  const options = Object.keys(VERDICTS).filter((v) => v !== "relabel");
  const relabels = said.verdict === "relabel";
  ask({
    title: "Dispute this feedback", act: "Dispute", text: `${said.who} said: ${VERDICTS[said.verdict]}, “${said.why}”. Both stay.`,
    fields: [
      relabels ? h("label", {}, "The beat is", h("select", { name: "label" }, ...["N", "S", "V", "F", "Q"].filter((l) => l !== said.label).map((l) => h("option", {}, l))))
        : h("label", {}, "It was", h("select", { name: "verdict" }, ...options.map((v) => h("option", { value: v, selected: v === other }, VERDICTS[v])))),
      reason()],
    send: async ({ verdict, label, why }) => {
      const told = { verdict: relabels ? "relabel" : verdict, why, disputes: said.id };
      if (relabels) Object.assign(told, { label, sample: said.sample });
      if (said.alarm_id) told.alarm_id = said.alarm_id;
      await post(`/api/patients/${encodeURIComponent(said.stream_id)}/feedback`, told);
    },
  });
}
