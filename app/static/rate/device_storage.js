// What this browser keeps for one person of one home: drafts, what was read, decisions that are not yet acknowledged.
// It outlives a reload and a closed tab. Without storage (private window, full disk) it lasts as long as the page.

const memory = new Map();

export class DeviceStorage {
  constructor(home, userId) {
    this.prefix = `rateloop.${home}.${userId}.`;
  }
  set(name, value) {
    try {
      localStorage.setItem(this.prefix + name, value);
      memory.delete(this.prefix + name);
    } catch {
      memory.set(this.prefix + name, value);
    }
  }
  get(name) {
    if (memory.has(this.prefix + name)) return memory.get(this.prefix + name);
    try {
      return localStorage.getItem(this.prefix + name);
    } catch {
      return null;
    }
  }
  remove(name) {
    memory.delete(this.prefix + name);
    try {
      localStorage.removeItem(this.prefix + name);
    } catch {
      // It was never there.
    }
  }
  namesStartingWith(start) {
    let stored = [];
    try {
      stored = Object.keys(localStorage);
    } catch {
      // Only memory, then.
    }
    const names = new Set([...stored, ...memory.keys()].filter((name) => name.startsWith(this.prefix + start)));
    return [...names].map((name) => name.slice(this.prefix.length));
  }
}

// Decisions the server has not acknowledged yet.
export class UnsentDecisions {
  constructor(storage) {
    this.storage = storage;
  }
  add(decision) {
    this.storage.set(`unsent.${decision.key}`, JSON.stringify({ at: Date.now(), decision }));
  }
  remove(key) {
    this.storage.remove(`unsent.${key}`);
  }
  // Oldest first.
  list() {
    const entries = this.storage.namesStartingWith("unsent.").map((name) => parseJson(this.storage.get(name)));
    return entries.filter((entry) => entry?.decision?.key).sort((a, b) => a.at - b.at).map((entry) => entry.decision);
  }
}

// Null for what is no JSON.
export function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
