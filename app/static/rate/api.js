// Talking to the server: what was refused, and what is worth another try.

const TIMEOUT = 15000; // milliseconds
// Where the server is, by this file's own address: a proxy may have put it under a path.
const SERVER = new URL("../../../", import.meta.url);
// Statuses of what cannot be done, now or later. Everything else passes: a proxy without its server, a full disk, a
// busy database.
const FINAL_STATUSES = [401, 403, 404, 409, 410, 422];

export class Refusal extends Error {
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }
}

export class Unreachable extends Error {}

export async function call(path, body) {
  let response;
  try {
    response = await fetch(new URL(path, SERVER), {
      method: body === undefined ? "GET" : "POST",
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
      cache: "no-store",
      signal: AbortSignal.timeout(TIMEOUT),
    });
    const answer = await response.json();
    if (response.ok) return answer;
    if (answer.error && FINAL_STATUSES.includes(response.status)) throw new Refusal(response.status, answer.error);
    throw new Unreachable(answer.error || `The server answered ${response.status}.`);
  } catch (error) {
    if (error instanceof Refusal || error instanceof Unreachable) throw error;
    throw new Unreachable("");
  }
}

// Repeats a call that changes something until the server has answered for good. Safe because each such call can be
// repeated without doing anything twice (a key per decision, a named response per undo).
export async function callUntilAnswered(path, body, { onTrouble, onRecovered, isStopped }) {
  for (let attempt = 0; ; attempt++) {
    try {
      const answer = await call(path, body);
      if (attempt) onRecovered();
      return answer;
    } catch (error) {
      if (!(error instanceof Unreachable) || isStopped()) throw error;
      if (attempt >= 1) onTrouble(error.message);
      await pause(Math.min(250 * 2 ** attempt, 5000));
    }
  }
}

function pause(ms) {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done() {
      clearTimeout(timer);
      window.removeEventListener("online", done);
      resolve();
    }
    window.addEventListener("online", done);
  });
}
