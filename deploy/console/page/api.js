// The API by fetch: the session is a cookie, changing requests carry its token.

export const session = { me: null };

export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function ask(path, given) {
  let answer;
  try {
    answer = await fetch(path, { credentials: "same-origin", ...given });
  } catch {
    throw new Refused(0, "The server does not answer.");
  }
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    if (answer.status === 401 && session.me) {
      session.me = null;
      window.dispatchEvent(new Event("signed-out"));
    }
    throw new Refused(answer.status, told.error || `The server answered ${answer.status}.`);
  }
  return told;
}

export const get = (path) => ask(path, {});

export function post(path, body) {
  const headers = { "content-type": "application/json" };
  if (session.me) headers["x-csrf-token"] = session.me.csrf;
  return ask(path, { method: "POST", headers, body: JSON.stringify(body ?? {}) });
}

export const may = (role) => Boolean(session.me?.roles.includes(role));

export const command = (streamId, told) =>
  post(`/api/patients/${encodeURIComponent(streamId)}/commands`, told);
