// The rating screen's controller. One decision at a time goes to the server; keys typed meanwhile wait in a queue and
// each applies to the card that is on screen when its turn comes. "Saved" is shown only after the server said so.

import { newKey, parts } from "./dom.js";
import { call, insist, Refusal } from "./net.js";
import { Outbox, Shelf } from "./kept.js";
import { meaning } from "./keys.js";
import { buildScale, drawCard, drawProgress, drawText, drawWait, said, Stopwatch } from "./card.js";
import { Details } from "./details.js";
import { showKeys } from "./dialogs.js";
import { showRecent } from "./recent.js";
import { Notices } from "./notices.js";

const QUEUE_LIMIT = 100;
const HEARTBEAT = 120000;
const POLL = 3000;
const DOUBLE_CLICK = 350;
const SIGNS = ["pointermove", "pointerdown", "touchstart", "scroll", "keydown", "input", "visibilitychange"];
// Where keys write or move and do not rate. A ticked flag keeps the focus and is none of them.
const WRITING = "textarea, select, input:not([type=checkbox])";

let running = null;

export function start(element, scale) {
  running?.abort(); // Gradio may mount the component again: the old listeners go
  running = new AbortController();
  new RatingScreen(element.querySelector(".rate"), scale, running.signal).begin();
}

class RatingScreen {
  constructor(root, scale, signal) {
    Object.assign(this, { root, scale, signal, ui: parts(root), watch: new Stopwatch() });
    this.screen = { card: null };
    this.queue = [];
    this.leftovers = []; // decisions from before, which go first
    this.pumping = this.catchingUp = this.offline = this.closed = this.again = false;
    this.lastClick = this.turn = 0;
    this.details = new Details(this.ui, root);
    this.notices = new Notices(this.ui);
    this.chosen = null; // waits for Enter, where the rater wants that
    this.tabs = new BroadcastChannel("rateloop");
    signal.addEventListener("abort", () => this.tabs.close());
  }

  begin() {
    buildScale(this.ui, this.scale, (intent, event, button) => this.clicked(intent, event, button));
    this.listen();
    this.refresh();
  }

  listen() {
    const { signal } = this;
    document.addEventListener("keydown", (event) => this.keyed(event), { signal });
    this.root.addEventListener("click", (event) => this.acted(event), { signal });
    for (const sign of SIGNS) {
      document.addEventListener(sign, () => this.watch.sign(), { signal, passive: true, capture: true });
    }
    document.addEventListener("visibilitychange", () => document.hidden || this.cameBack(), { signal });
    window.addEventListener("online", () => this.refresh(), { signal });
    window.addEventListener("pageshow", (event) => event.persisted && this.refresh(), { signal });
    this.tabs.addEventListener("message", () => this.refresh(), { signal });
    const dock = new ResizeObserver(([entry]) => this.root.style.setProperty("--dock", `${entry.target.offsetHeight}px`));
    dock.observe(this.root.querySelector(".rl-dock"));
    const timers = [setInterval(() => this.poll(), POLL), setInterval(() => this.heartbeat(), HEARTBEAT)];
    signal.addEventListener("abort", () => (timers.forEach(clearInterval), dock.disconnect()));
  }

  // ---- input

  keyed(event) {
    if (event.defaultPrevented || this.root.querySelector("dialog[open]")) return;
    // For a moment after a dialog has closed, what was in hand there still gets the keys.
    const writing = event.target.matches?.(WRITING) && !event.target.closest("dialog");
    if (event.key === "Escape" && this.details.has(event.target)) event.target.blur();
    if (writing) return;
    const intent = meaning(event, this.scale);
    const onButton = event.target.closest?.("button, a, summary");
    if (!intent || (intent.act === "confirm" && (!this.chosen || onButton))) return;
    event.preventDefault();
    if (event.repeat) return;
    if (intent.act === "confirm") this.enqueue(this.chosen);
    else if (intent.act === "rate" && this.asksEnter) this.choose(intent);
    else if (intent.act === "rate" || intent.act === "undo") this.enqueue(intent);
    else this.open(intent.act);
  }

  get asksEnter() {
    return this.shelf?.get("enter") === "true";
  }

  choose(intent) {
    if (!this.screen.card || this.pumping) return;
    this.chosen = intent;
    this.press(intent.score, intent.verdict);
    const point = this.scale.points.find((p) => p.score === intent.score && intent.verdict === "rated");
    const verdict = this.scale.verdicts.find((v) => v.name === intent.verdict);
    const sentence = `${point ? `${point.mark} – ${point.words}` : verdict.label}: Enter saves it.`;
    this.say(sentence);
    this.ui.live.textContent = sentence;
  }

  clicked(intent, event, button) {
    // A click means the card that is seen: it never waits in the queue, and the second half of a double click is none.
    const now = performance.now();
    const twice = now - this.lastClick < DOUBLE_CLICK && event.detail > 0;
    this.lastClick = now;
    if (event.detail > 0) button.blur(); // so that a later Enter does not rate the next card
    if (twice || (this.pumping && !this.catchingUp)) return;
    this.enqueue({ act: "rate", ...intent });
  }

  acted(event) {
    const act = event.target.closest("[data-act]")?.dataset.act;
    if (act === "undo") !this.pumping && this.enqueue({ act: "undo" });
    else if (act) this.open(act);
  }

  async open(what) {
    if (!this.screen.me) return; // nothing has been heard of the server yet
    if (what === "details") return this.details.toggle();
    if (what === "raw") return this.toggleRaw();
    try {
      if (what === "keys") showKeys(this.ui["keys-dialog"], this.scale, this.shelf);
      if (what === "recent") await showRecent(this.ui["recent-dialog"], { scale: this.scale, asks: this.screen.asks }, () => this.refresh(), (why) => this.say(why, true));
      if (what === "guidelines") this.screen.guideline_version = await this.notices.readGuidelines();
    } catch (error) {
      this.say(error.message || "The server cannot be reached just now.", true);
    }
  }

  enqueue(intent) {
    if (this.catchingUp) {
      this.say("Your rating from before is still being sent: that one was not taken.", true);
      return;
    }
    if (this.offline || this.closed || this.queue.length >= QUEUE_LIMIT) {
      this.say("Waiting for the connection: that key was not taken.", true);
      return;
    }
    this.queue.push(intent);
    this.pump();
  }

  // ---- decisions

  async pump() {
    if (this.pumping) return;
    this.pumping = true;
    while ((this.leftovers.length || this.queue.length) && !this.closed) {
      try {
        if (this.leftovers.length) await this.sendLeftover(this.leftovers.shift());
        else await this.take(this.queue.shift());
      } catch (error) {
        if (this.signal.aborted) return; // this component is gone; the one after it sends what is kept
        this.queue.length = 0;
        await this.refused(error);
      }
    }
    this.pumping = this.catchingUp = false;
    this.tabs.postMessage("changed");
    if (this.again) this.refresh();
  }

  async take(intent) {
    if (intent.act === "undo") await this.undo();
    else if (this.screen.card) await this.decide(intent);
  }

  // Who this page is for. The server takes nothing from it once somebody else is signed in.
  get person() {
    return { home: this.screen.home, user_id: this.screen.me.id };
  }

  async decide({ score, verdict }) {
    const card = this.screen.card;
    this.press(score, verdict);
    const { response_id, position, shown_at } = card;
    const { guideline_version } = this.screen;
    const about = { response_id, score, verdict, position, shown_at, guideline_version, ...this.person };
    const decision = { ...about, ...this.details.read(), key: newKey(), active_ms: this.watch.read() };
    this.outbox.put(decision);
    const screen = await this.send(decision);
    this.details.forget(response_id);
    this.show(screen, `Saved ${said(screen.saved)}`);
  }

  async send(decision) {
    const { outbox } = this;
    try {
      const screen = await this.insist("/api/rate", decision);
      outbox.remove(decision.key);
      return screen;
    } catch (error) {
      // Signed out: the decision waits here for this person. Anything else was refused for good.
      if (error instanceof Refusal && error.status !== 401) outbox.remove(decision.key);
      throw error;
    }
  }

  async sendLeftover(decision) {
    const screen = await this.send(decision);
    this.details.forget(decision.response_id);
    this.show(screen, `Saved from before: ${said(screen.saved)}`);
  }

  async undo() {
    const last = this.screen.last;
    if (!last) return this.say("There is nothing to undo.", true);
    const screen = await this.insist("/api/undo", { response_id: last.response_id, ...this.person });
    // Nothing to do, but its card is here again: a try whose answer was lost, or another tab, has done it.
    const taken = screen.undone || (screen.card?.response_id === last.response_id ? last : null);
    if (taken) this.details.remember(taken.response_id, taken);
    this.show(screen, taken && `Taken back: you had given ${said(taken)}`);
    if (!taken) this.say("Nothing was taken back: that was not your latest rating any more.", true);
  }

  insist(path, body) {
    this.turn++;
    return insist(path, body, {
      onTrouble: (why) => {
        this.offline = true;
        this.notices.offline(`${why || "Connection lost."} Your rating is kept here and sent as soon as the server takes it.`);
      },
      onBack: () => {
        this.offline = false;
        this.notices.offline("");
      },
      stopped: () => this.signal.aborted,
    });
  }

  async refused(error) {
    const { me } = this.screen;
    this.press(null, null);
    await this.look();
    if (this.closed) return;
    const kept = `Somebody else has signed in here: what ${me.name} had not sent yet is kept for them.`;
    this.say(this.screen.me.id !== me.id ? kept : error.message || "The server could not be reached.", true);
  }

  signedOut() {
    this.closed = true;
    this.notices.offline("You are signed out. Open your invite link again, or ask for a new one; what was not yet sent is kept on this device.");
  }

  // ---- the screen

  // Not while a decision is on its way: its own answer is newer than what could be asked for now.
  refresh() {
    this.again = this.pumping;
    if (!this.pumping) return this.look();
  }

  // An answer to an older question than the newest one is never drawn.
  async look() {
    const turn = ++this.turn;
    try {
      const screen = await call("/api/card");
      if (turn !== this.turn) return;
      this.show(screen);
      this.offline = this.closed = false;
      this.notices.offline("");
    } catch (error) {
      if (turn !== this.turn) return;
      if (error.status === 401) this.signedOut();
      else this.notices.offline(error.message || "The server cannot be reached; trying again.");
    }
  }

  show(screen, message) {
    const before = this.screen;
    const first = before.home !== screen.home || before.me?.id !== screen.me.id || this.closed;
    const changed = first || screen.card?.response_id !== before.card?.response_id;
    if (first || screen.round?.number !== before.round?.number) queueMicrotask(() => this.notices.tellNews());
    this.screen = screen;
    if (first) this.greet(screen);
    this.notices.compare(screen.guideline_version);
    this.root.classList.remove("blank");
    this.root.classList.toggle("waiting", !screen.card);
    this.details.build(screen.asks);
    drawProgress(this.ui, screen);
    drawWait(this.ui, screen);
    if (changed) this.showCard(screen.card);
    this.press(null, null);
    this.root.querySelector("[data-act=undo]").disabled = !screen.last?.editable;
    if (message) this.say(message);
    else if (!this.ui.message.textContent && screen.last) this.say(`Last: ${said(screen.last)}`);
    if (changed || screen.title !== before.title) this.announce(message);
  }

  showCard(card) {
    drawCard(this.ui, card, this.raw);
    this.watch.restart();
    this.details.show(card);
    window.scrollTo(0, 0);
    document.title = card ? "Rate · Rateloop" : "Waiting · Rateloop";
  }

  greet(screen) {
    this.shelf = this.details.shelf = this.notices.shelf = new Shelf(screen.home, screen.me.id);
    this.outbox = new Outbox(this.shelf);
    this.queue.length = 0;
    this.leftovers = this.outbox.leftovers();
    this.catchingUp = this.leftovers.length > 0;
    this.ui.who.textContent = screen.me.name;
    this.ui.console.hidden = screen.me.role !== "operator";
    if (this.catchingUp) queueMicrotask(() => this.pump());
  }

  press(score, verdict) {
    if (!verdict) this.chosen = null;
    for (const button of this.root.querySelectorAll("[data-score], [data-verdict]")) {
      const it = verdict === "rated" ? button.dataset.score === String(score) : button.dataset.verdict === verdict;
      button.classList.toggle("pressed", Boolean(verdict) && it);
    }
  }

  say(sentence, refused = false) {
    this.ui.message.textContent = sentence;
    this.ui.message.classList.toggle("refused", refused);
    if (refused) this.ui.live.textContent = sentence;
  }

  announce(message) {
    const { card, title, why } = this.screen;
    const saved = message ? `${message}. ` : "";
    if (!card) return (this.ui.live.textContent = `${saved}${title}. ${why}`);
    const where = card.of > 1 ? `Response ${card.position} of ${card.of}. ` : "";
    const second = card.other ? `. Second: ${card.other.text.slice(0, 4000)}` : "";
    this.ui.live.textContent = `${saved}${where}${card.text.slice(0, 4000)}${second}`;
  }

  get raw() {
    return this.shelf?.get("raw") === "true";
  }

  toggleRaw() {
    const { card } = this.screen;
    if (!card?.html && !card?.other?.html) return;
    this.shelf.put("raw", String(!this.raw));
    drawText(this.ui, card, this.raw);
  }

  // ---- time

  poll() {
    const lost = Boolean(this.notices.trouble);
    if (document.hidden || this.pumping || this.closed || (this.screen.card && !lost)) return;
    this.polls = (this.polls || 0) + 1;
    if (this.polls > 20 && this.polls % 3) return; // gentler after a minute
    this.refresh();
  }

  async heartbeat() {
    const { card } = this.screen;
    if (!card || document.hidden || this.pumping || performance.now() - this.watch.lastSign > HEARTBEAT * 2) return;
    try {
      const { yours } = await call("/api/heartbeat", { response_id: card.response_id });
      if (!yours && !this.pumping) await this.refresh();
    } catch {
      // The next decision will tell.
    }
  }

  cameBack() {
    const { card } = this.screen;
    if (!this.pumping && (this.closed || !card || Date.now() / 1000 > card.lease_until)) this.refresh();
  }
}
