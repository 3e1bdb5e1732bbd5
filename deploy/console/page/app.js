// The page begins here: who is signed in, what is shown, and the bar above all of it.

import { h, svg, say, setText, toast, length, clock } from "./dom.js";
import { get, post, may, session } from "./api.js";
import { feed } from "./feed.js";
import { store, URGENCY } from "./store.js";
import { sign, words } from "./alarmview.js";
import { sound } from "./sound.js";
import { firstTheme, setTheme, theme } from "./style.js";
import { acknowledge } from "./actions.js";
import { listenToKeys, showHelp } from "./keys.js";
import { signInView, signInByKey } from "./signin.js";
import { Wall } from "./wall.js";
import { PatientPage } from "./patient.js";
import * as pages from "./pages.js";

const main = document.getElementById("main");
const bar = document.getElementById("top");
const PAGES = [
  ["wall", "Wall", () => true],
  ["alarms", "Alarms", () => true],
  ["feedback", "Feedback", () => true],
  ["system", "System", () => may("engineer")],
  ["models", "Models", () => may("engineer") || may("auditor")],
  ["drift", "Drift", () => may("engineer") || may("auditor")],
  ["dead-letters", "Dead letters", () => may("engineer")],
  ["audits", "Audits", () => may("engineer") || may("auditor")],
  ["log", "Log", () => may("auditor")],
];

export const app = { view: null, name: "", order: "urgency" };
const shown = {};

function header() {
  const press = (given, ...inside) => h("button", { type: "button", class: "quiet", ...given }, ...inside);
  shown.search = h("input", {
    class: "search", type: "search", placeholder: "Search  /", "aria-label": "Search patients",
    oninput: () => app.view?.search?.(shown.search.value),
  });
  shown.sort = press({ class: "quiet wide", title: "Order of the tiles (S)", onclick: toggleOrder });
  shown.sound = press({ onclick: () => toggleSound() });
  shown.theme = press({ title: "Dark or light (T)", onclick: toggleTheme });
  shown.link = h("span", { class: "link" });
  shown.tally = h("div", { class: "tally", role: "status", "aria-label": "Alarms that nobody has acknowledged" });
  const nav = h("nav", { class: "pages", "aria-label": "Pages" },
    ...PAGES.filter(([, , fits]) => fits()).map(([name, label]) => h("a", { href: `#/${name}` }, label)));
  shown.nav = nav;
  bar.replaceChildren(
    h("a", { class: "brand", href: "#/wall", "aria-label": "Vigil, to the wall" },
      h("img", { src: "/page/icon.svg", alt: "" }), h("span", {}, "Vigil")),
    nav, shown.tally, shown.link,
    h("div", { class: "tools" }, shown.search, shown.sort, shown.sound, shown.theme,
      press({ title: "Help (?)", "aria-label": "Help", onclick: showHelp }, "?"),
      press({ class: "quiet wide", onclick: signOut, title: `Signed in as ${session.me.name}` }, "Sign out")),
  );
  document.body.classList.toggle("view-only", !may("clinician"));
  refreshBar();
}

function speaker(on) {
  const paths = [["path", { d: "M3 9v6h4l5 5V4L7 9z", fill: "currentColor" }]];
  const waves = "M15.500 8.500a5 5 0 010 7M18 5.500a9 9 0 010 13", cross = "M16 9.500l5 5M21 9.500l-5 5";
  paths.push(["path", { d: on ? waves : cross, fill: "none", stroke: "currentColor", "stroke-width": 2 }]);
  const made = svg("0 0 24 24", paths);
  made.setAttribute("width", 20);
  made.setAttribute("height", 20);
  return made;
}

function refreshBar() {
  if (!shown.tally || !session.me) return;
  const counts = { high: 0, medium: 0, low: 0 };
  for (const { board } of store.patients.values()) {
    for (const line of board.lines) if (line.phase !== "acknowledged") counts[line.priority] += 1;
  }
  const key = JSON.stringify(counts);
  if (key !== shown.counts) {
    shown.counts = key;
    shown.tally.replaceChildren(...Object.keys(URGENCY).map((priority) => h("span", {
      class: counts[priority] ? "count" : "count zero", title: `${counts[priority]} ${priority}`,
    }, sign(priority), h("span", { class: "unseen" }, `${priority}: `), String(counts[priority]))));
    const worst = Object.keys(URGENCY).find((p) => counts[p]);
    document.title = worst ? `(${counts[worst]} ${worst}) Vigil` : "Vigil";
  }
  shown.link.className = feed.live ? "link" : "link off";
  shown.link.title = feed.live ? "Connected" : "Connection lost";
  shown.link.replaceChildren(h("span", {}, feed.live ? `live · ${clock(store.nowMs(), false)}` : "cut"));
  const on = sound.enabled, key2 = `${on} ${sound.heard}`;
  if (key2 !== shown.soundKey) {
    shown.soundKey = key2;
    shown.sound.setAttribute("aria-pressed", on);
    shown.sound.setAttribute("aria-label", on ? "Alarm sound is on" : "Alarm sound is off");
    shown.sound.title = `${on ? "Sound on" : "Sound off in this browser"} (M)`;
    shown.sound.replaceChildren(speaker(on), h("span", { class: "wide" }, on ? "Sound" : "Sound off"));
  }
  setText(shown.theme, theme() === "dark" ? "☾" : "☀");
  shown.theme.setAttribute("aria-label", theme() === "dark" ? "Switch to light" : "Switch to dark");
  setText(shown.sort, app.order === "urgency" ? "↓ Urgency" : "↓ Bed");
}

function toggleOrder() {
  app.order = app.order === "urgency" ? "bed" : "urgency";
  app.view?.setOrder?.(app.order);
  refreshBar();
}

async function toggleSound() {
  await sound.enable(!sound.enabled);
  toast(sound.enabled ? "Alarm sound is on in this browser." : "Alarm sound is off in this browser.");
  refreshBar();
}

function toggleTheme() {
  setTheme(theme() === "dark" ? "light" : "dark");
  refreshBar();
}

async function signOut() {
  await post("/api/sign-out").catch(() => {});
  location.hash = "#/wall";
  location.reload();
}

function show(view) {
  app.view?.close?.();
  app.view = view;
  main.replaceChildren(view.element);
  view.shown?.();
}

function route() {
  if (!session.me) return;
  const [, name = "wall", ...rest] = location.hash.split("/").map(decodeURIComponent);
  app.name = name;
  for (const link of shown.nav.children) {
    if (link.getAttribute("href") === `#/${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (name === "patient" && rest[0]) show(new PatientPage(rest[0], rest[1]));
  else {
    const page = PAGES.find(([each, , fits]) => each === name && fits());
    if (!page || name === "wall") {
      const wall = new Wall({ acknowledge });
      wall.order = app.order;
      wall.search(shown.search.value);
      show(wall);
    } else {
      feed.show(null, null);
      show(pages.make(name));
    }
  }
  const onWall = app.view instanceof Wall;
  shown.search.hidden = shown.sort.hidden = !onWall;
}

function cutBanner() {
  const place = document.getElementById("cut");
  document.body.classList.toggle("cut", !feed.live && !feed.stopped);
  document.documentElement.dataset.link = feed.live ? "live" : "cut";
  if (feed.live || feed.stopped) {
    if (!place.hidden) toast("Connected again.");
    place.hidden = true;
    place.replaceChildren();
    refreshBar();
    return;
  }
  const text = `CONNECTION LOST · no data for ${length((Date.now() - feed.cutAt) / 1000)}`;
  if (place.hidden) {
    place.hidden = false;
    place.replaceChildren(h("div", {}), h("small", {},
      "Patients are not being shown. Alarms cannot be seen or heard here. Trying to connect …"));
  }
  setText(place.firstChild, text);
  refreshBar();
}

function announce(signal) {
  if (signal.kind === "on" && signal.priority !== "low") {
    const bed = store.patients.get(signal.stream_id)?.bed ?? signal.stream_id;
    say(`${signal.priority} priority: bed ${bed}, ${words(signal.condition)}`);
  }
  if (signal.kind === "escalated") {
    const bed = store.patients.get(signal.stream_id)?.bed ?? signal.stream_id;
    toast(`Bed ${bed}: nobody acknowledged ${words(signal.condition)}; ${signal.recipient} is told.`, true);
  }
  if (signal.kind === "audio_resumed" && signal.because.includes("broke through")) {
    toast(`${words(signal.because.split(" ")[0])} broke through the audio pause.`, true);
  }
}

function enter(me) {
  session.me = me;
  app.order = localStorage.getItem("vigil.order") || "urgency";
  header();
  feed.start();
  if (!location.hash || location.hash.startsWith("#/key") || location.hash.startsWith("#/sign-in")) {
    history.replaceState(null, "", "#/wall");
  }
  route();
}

async function begin() {
  setTheme(firstTheme());
  const key = location.hash.match(/^#\/key\/(.+)$/);
  if (key) history.replaceState(null, "", "#/wall");
  try {
    enter(await get("/api/me"));
  } catch {
    const me = key && await signInByKey(key[1]).catch(() => null);
    if (me) enter(me);
    else await ask();
  }
}

async function ask() {
  feed.stop();
  bar.replaceChildren();
  app.view?.close?.();
  app.view = null;
  document.getElementById("cut").hidden = true;
  document.body.classList.remove("cut");
  main.replaceChildren(await signInView(enter));
  main.querySelector("input")?.focus();
}

feed.addEventListener("live", cutBanner);
feed.addEventListener("cut", cutBanner);
store.addEventListener("signal", (e) => announce(e.detail));
store.addEventListener("board", refreshBar);
store.addEventListener("reset", refreshBar);
sound.addEventListener("change", refreshBar);
addEventListener("hashchange", route);
addEventListener("signed-out", ask);
setInterval(refreshBar, 5000);
listenToKeys(app, {
  sound: toggleSound, theme: toggleTheme, order: toggleOrder,
  search: () => shown.search?.focus(),
  pages: () => [...(shown.nav?.children ?? [])].map((link) => link.getAttribute("href")),
});
begin();
