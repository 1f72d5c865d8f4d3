// What this browser keeps for one person of one home: drafts, what was read, decisions that are not yet acknowledged.
// It outlives a reload and a closed tab. Without storage (private window, full disk) it lasts as long as the page.

const memory = new Map();

export class Shelf {
  constructor(home, userId) {
    this.prefix = `rateloop.${home}.${userId}.`;
  }
  put(name, value) {
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
  names(start) {
    let stored = [];
    try {
      stored = Object.keys(localStorage);
    } catch {
      // Only memory, then.
    }
    const found = new Set([...stored, ...memory.keys()].filter((name) => name.startsWith(this.prefix + start)));
    return [...found].map((name) => name.slice(this.prefix.length));
  }
}

// Decisions the server has not acknowledged yet.
export class Outbox {
  constructor(shelf) {
    this.shelf = shelf;
  }
  put(decision) {
    this.shelf.put(`unsent.${decision.key}`, JSON.stringify({ at: Date.now(), decision }));
  }
  remove(key) {
    this.shelf.remove(`unsent.${key}`);
  }
  leftovers() {
    const found = this.shelf.names("unsent.").map((name) => read(this.shelf.get(name)));
    return found.filter((entry) => entry?.decision?.key).sort((a, b) => a.at - b.at).map((entry) => entry.decision);
  }
}

export function read(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
