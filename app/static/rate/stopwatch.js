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
