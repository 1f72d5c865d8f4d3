// How long a card is looked at, and how long it is this rater's.

const IDLE_AFTER = 120000; // milliseconds

// Milliseconds a person has really looked at a card: visible, and not left alone for two minutes.
export class Stopwatch {
  constructor() {
    this.restart();
  }
  restart() {
    this.total = 0;
    this.since = this.lastActivity = performance.now();
  }
  // What was read goes on from here, as if no time had passed since.
  continueFrom(ms) {
    this.restart();
    this.total = ms;
  }
  recordActivity() {
    const now = performance.now();
    this.addElapsed(now);
    this.lastActivity = now;
    this.since = document.hidden ? null : now;
  }
  addElapsed(now) {
    if (this.since !== null) this.total += Math.max(0, Math.min(now, this.lastActivity + IDLE_AFTER) - this.since);
    this.since = null;
  }
  read() {
    this.recordActivity();
    return Math.round(this.total);
  }
}

// As long as the server's (store/cards/leases.py), by this device's own clock: that of the server may be another.
const LEASE = 600000;

// A card that was left alone for so long may be with somebody else by now.
export class Lease {
  constructor() {
    this.hold();
  }
  hold() {
    this.until = Date.now() + LEASE;
  }
  // Whether it has run out; told once, until it is held again for as long.
  takeLapse() {
    if (Date.now() <= this.until) return false;
    this.hold();
    return true;
  }
}
