// The rating screen's controller. One decision at a time goes to the server; keys typed meanwhile wait in a queue and
// each applies to the card that is on screen when its turn comes. "Saved" is shown only after the server said so.

import { newKey, parts, recall, remember } from "./dom.js";
import { call, insist, Outbox, Refusal } from "./net.js";
import { meaning } from "./keys.js";
import { buildScale, drawCard, drawProgress, drawText, drawWait, said, Stopwatch } from "./card.js";
import { Details } from "./details.js";
import { drawNews, showGuidelines, showKeys, showRecent } from "./dialogs.js";

const QUEUE_LIMIT = 100;
const HEARTBEAT = 120000;
const POLL = 3000;
const DOUBLE_CLICK = 350;

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
    this.pumping = this.offline = this.closed = false;
    this.lastClick = 0;
    this.details = new Details(this.ui, root);
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
    for (const sign of ["pointermove", "scroll", "visibilitychange"]) {
      document.addEventListener(sign, () => this.watch.sign(), { signal, passive: true });
    }
    document.addEventListener("visibilitychange", () => document.hidden || this.cameBack(), { signal });
    window.addEventListener("online", () => this.refresh(), { signal });
    this.tabs.addEventListener("message", () => !this.pumping && this.refresh(), { signal });
    const dock = new ResizeObserver(([entry]) => this.root.style.setProperty("--dock", `${entry.target.offsetHeight}px`));
    dock.observe(this.root.querySelector(".rl-dock"));
    const timers = [setInterval(() => this.poll(), POLL), setInterval(() => this.heartbeat(), HEARTBEAT)];
    signal.addEventListener("abort", () => (timers.forEach(clearInterval), dock.disconnect()));
  }

  // ---- input

  keyed(event) {
    if (event.defaultPrevented || this.root.querySelector("dialog[open]")) return;
    // For a moment after a dialog has closed, what was in hand there still gets the keys.
    const writing = event.target.matches?.("textarea, input, select") && !event.target.closest("dialog");
    if (writing) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
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
    return recall("enter") === "true";
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
    if (twice || this.pumping) return;
    this.enqueue({ act: "rate", ...intent });
  }

  acted(event) {
    const act = event.target.closest("[data-act]")?.dataset.act;
    if (act === "undo") !this.pumping && this.enqueue({ act: "undo" });
    else if (act) this.open(act);
  }

  async open(what) {
    if (what === "details") return this.details.toggle();
    if (what === "raw") return this.toggleRaw();
    try {
      if (what === "keys") showKeys(this.ui["keys-dialog"], this.scale);
      if (what === "recent") await showRecent(this.ui["recent-dialog"], this.scale, () => this.refresh());
      if (what === "guidelines") {
        remember(`guidelines.${this.screen.me?.id}`, await showGuidelines(this.ui["guidelines-dialog"]));
        this.banner("guidelines", "");
      }
    } catch (error) {
      this.say(error.message || "The server cannot be reached just now.", true);
    }
  }

  enqueue(intent) {
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
    while (this.queue.length && !this.closed) {
      const intent = this.queue.shift();
      try {
        if (intent.act === "undo") await this.undo();
        else if (this.screen.card) await this.decide(intent);
      } catch (error) {
        this.queue.length = 0;
        await this.refused(error);
      }
    }
    this.pumping = false;
    this.tabs.postMessage("changed");
  }

  async decide({ score, verdict }) {
    const card = this.screen.card;
    this.press(score, verdict);
    const { response_id, position, shown_at } = card;
    const about = { response_id, score, verdict, position, shown_at };
    const decision = { ...about, ...this.details.read(), key: newKey(), active_ms: this.watch.read() };
    this.outbox.put(decision);
    const screen = await this.send(decision);
    this.details.forget(response_id);
    this.show(screen, `Saved ${said(screen.saved)}`);
  }

  async send(decision) {
    try {
      const screen = await this.insist("/api/rate", decision);
      this.outbox.remove(decision.key);
      return screen;
    } catch (error) {
      // Signed out: the decision waits here for this person. Anything else was refused for good.
      if (error instanceof Refusal && error.status !== 401) this.outbox.remove(decision.key);
      throw error;
    }
  }

  async undo() {
    const last = this.screen.last;
    if (!last) return this.say("There is nothing to undo.", true);
    const screen = await this.insist("/api/undo", { response_id: last.response_id });
    this.show(screen, `Taken back: you had given ${said(last)}`);
  }

  insist(path, body) {
    return insist(path, body, {
      onTrouble: (why) => {
        this.offline = true;
        this.banner("offline", why || "Connection lost. Your rating is kept here and sent as soon as the server answers.");
      },
      onBack: () => {
        this.offline = false;
        this.banner("offline", "");
      },
      stopped: () => this.signal.aborted,
    });
  }

  async sendLeftovers() {
    for (const decision of this.outbox.leftovers()) {
      this.pumping = true;
      try {
        const screen = await this.send(decision);
        this.show(screen, `Saved from before: ${said(screen.saved)}`);
      } catch (error) {
        await this.refused(error);
      }
      this.pumping = false;
    }
    this.pump();
  }

  async refused(error) {
    this.press(null, null);
    if (error.status === 401) return this.signedOut();
    await this.refresh();
    this.say(error.message || "The server could not be reached.", true);
  }

  signedOut() {
    this.closed = true;
    this.banner("offline", "You are signed out. Open your invite link again; what was not yet sent is kept on this device.");
  }

  // ---- the screen

  async refresh() {
    try {
      this.show(await call("/api/card"));
      this.offline = this.closed = false;
      this.banner("offline", "");
    } catch (error) {
      if (error.status === 401) this.signedOut();
      else this.banner("offline", error.message || "The server cannot be reached; trying again.");
    }
  }

  show(screen, message) {
    const changed = screen.card?.response_id !== this.screen.card?.response_id;
    const first = this.screen.me?.id !== screen.me.id || this.closed;
    if (first || screen.round?.number !== this.screen.round?.number) queueMicrotask(() => this.tellNews());
    this.screen = screen;
    if (first) this.greet(screen);
    this.root.classList.remove("blank");
    this.root.classList.toggle("waiting", !screen.card);
    this.details.build(screen.asks);
    drawProgress(this.ui, screen);
    drawWait(this.ui, screen);
    if (changed || first) this.showCard(screen.card);
    this.press(null, null);
    this.root.querySelector("[data-act=undo]").disabled = !screen.last?.editable;
    if (message) this.say(message);
    else if (!this.ui.message.textContent && screen.last) this.say(`Last: ${said(screen.last)}`);
    if (changed && screen.card) this.announce(message);
  }

  showCard(card) {
    drawCard(this.ui, card, this.raw);
    this.watch.restart();
    this.details.show(card);
    window.scrollTo(0, 0);
    document.title = card ? "Rate · Rateloop" : "Waiting · Rateloop";
  }

  greet(screen) {
    this.outbox = new Outbox(screen.me.id);
    this.ui.who.textContent = screen.me.name;
    this.ui.console.hidden = screen.me.role !== "operator";
    const read = recall(`guidelines.${screen.me.id}`);
    if (read === null) this.banner("guidelines", "New here? The guidelines say what a good answer is.");
    else if (Number(read) < screen.guideline_version) this.banner("guidelines", "The guidelines have changed.");
    queueMicrotask(() => this.sendLeftovers());
  }

  // Once a version, until it is read.
  async tellNews() {
    const name = `news.${this.screen.me.id}`;
    try {
      const { news } = await call("/api/news");
      const read = Number(recall(name) || 0);
      drawNews(this.ui.news, news && news.version > read ? news : null, () => {
        remember(name, news.version);
        drawNews(this.ui.news, null);
      });
    } catch {
      // It is told the next time the page asks.
    }
  }

  // The connection's trouble goes before news about the guidelines.
  banner(kind, sentence) {
    this.banners = { ...this.banners, [kind]: sentence };
    const { offline, guidelines } = this.banners;
    const { banner } = this.ui;
    banner.textContent = offline || guidelines || "";
    banner.hidden = !banner.textContent;
    if (guidelines && !offline) {
      const read = document.createElement("button");
      Object.assign(read, { type: "button", className: "rl-link", textContent: "Read them" });
      read.dataset.act = "guidelines";
      banner.append(read);
    }
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
    const { card } = this.screen;
    const where = card.of > 1 ? `Response ${card.position} of ${card.of}. ` : "";
    this.ui.live.textContent = `${message ? `${message}. ` : ""}${where}${card.text.slice(0, 4000)}${card.other ? `. Second: ${card.other.text.slice(0, 4000)}` : ""}`;
  }

  get raw() {
    return recall("raw") === "true";
  }

  toggleRaw() {
    const { card } = this.screen;
    if (!card?.html && !card?.other?.html) return;
    remember("raw", String(!this.raw));
    drawText(this.ui, card, this.raw);
  }

  // ---- time

  poll() {
    const lost = Boolean(this.banners?.offline);
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
