// Signing in: by name and password, by a provider, or by the key of a demonstration.

import { h } from "./dom.js";
import { get, post } from "./api.js";

export const signInByKey = (key) => post("/api/sign-in/key", { key });

export async function signInView(entered) {
  const ways = await get("/api/sign-in").catch(() => ({ password: true, oidc: null }));
  const name = h("input", { name: "name", autocomplete: "username", required: true });
  const password = h("input", { name: "password", type: "password", autocomplete: "current-password", required: true });
  const wrong = h("p", { class: "wrong", role: "alert" });
  if (location.hash.includes("refused")) wrong.textContent = "The provider's sign-in was refused.";
  const button = h("button", { class: "main", type: "submit" }, "Sign in");
  const form = h("form", { onsubmit: async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      entered(await post("/api/sign-in", { name: name.value, password: password.value }));
    } catch (error) {
      wrong.textContent = error.message;
      password.value = "";
      password.focus();
    }
    button.disabled = false;
  } },
  h("img", { src: "/page/icon.svg", alt: "" }),
  h("h1", {}, "Vigil central station"),
  h("label", {}, "Name", name), h("label", {}, "Password", password), wrong, button,
  ways.oidc ? h("a", { class: "button", href: "/api/oidc/start" }, `Sign in by ${ways.oidc}`) : null,
  h("p", { class: "hint" }, "For research and teaching. Not a medical device."));
  return h("div", { class: "gate" }, form);
}
