// Talking to the server: what was refused, what is worth another try, and the decisions not yet acknowledged.

const TIMEOUT = 15000;

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
    response = await fetch(path, {
      method: body === undefined ? "GET" : "POST",
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
      cache: "no-store",
      signal: AbortSignal.timeout(TIMEOUT),
    });
    const answer = await response.json();
    if (response.ok) return answer;
    const sentence = answer.error || `The server answered ${response.status}.`;
    if (response.status >= 500 || response.status === 429) throw new Unreachable(sentence);
    throw new Refusal(response.status, sentence);
  } catch (error) {
    if (error instanceof Refusal || error instanceof Unreachable) throw error;
    throw new Unreachable("");
  }
}

// Repeats a call that changes something until the server has answered for good. Safe because each such call can be
// repeated without doing anything twice (a key per decision, a named response per undo).
export async function insist(path, body, { onTrouble, onBack, stopped }) {
  for (let attempt = 0; ; attempt++) {
    try {
      const answer = await call(path, body);
      if (attempt) onBack();
      return answer;
    } catch (error) {
      if (!(error instanceof Unreachable) || stopped()) throw error;
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

// Decisions the server has not acknowledged yet, per person; they outlive a reload and a closed tab.
export class Outbox {
  constructor(userId) {
    this.prefix = `rateloop.unsent.${userId}.`;
    this.memory = new Map();
  }
  put(decision) {
    this.memory.set(decision.key, decision);
    try {
      localStorage.setItem(this.prefix + decision.key, JSON.stringify({ at: Date.now(), decision }));
    } catch {
      // No storage (private window, full disk): memory still holds it.
    }
  }
  remove(key) {
    this.memory.delete(key);
    try {
      localStorage.removeItem(this.prefix + key);
    } catch {
      // As above.
    }
  }
  leftovers() {
    const found = [];
    try {
      for (let i = 0; i < localStorage.length; i++) {
        const name = localStorage.key(i);
        if (name.startsWith(this.prefix)) found.push(JSON.parse(localStorage.getItem(name)));
      }
    } catch {
      return [];
    }
    return found.sort((a, b) => a.at - b.at).map((entry) => entry.decision);
  }
}
