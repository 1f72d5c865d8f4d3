// The rating screen's controller. One decision at a time goes to the server; keys typed meanwhile wait in a queue and
// each applies to the card that is on screen when its turn comes. "Saved" is shown only after the server said so.

import { newKey, parts } from "./dom.js";
import { call, callUntilAnswered, Refusal } from "./api.js";
import { DeviceStorage, UnsentDecisions } from "./device_storage.js";
import { intentOf } from "./key_bindings.js";
import { drawCard, drawEditButtons, drawProgress, drawScale, drawText, ratingLabel, spoken, toggleInstructions } from "./drawing.js";
import { CardDetails } from "./card_details.js";
import { showKeys } from "./dialogs.js";
import { openEditor } from "./edit_dialog.js";
import { showRecentRatings } from "./recent_ratings.js";
import { Lease, Stopwatch } from "./stopwatch.js";
import { Notices } from "./notices.js";
import { Waiting } from "./waiting.js";

const QUEUE_LIMIT = 100;
// milliseconds
const HEARTBEAT = 120000;
const POLL = 3000;
const DOUBLE_CLICK = 350;
const DOUBLE_PRESS = 150; // ms: a key that bounces, or a finger that meant one press; nobody has read a card in less
// The status of a rating whose card was held for too long.
const WITH_SOMEBODY_ELSE = 410;

const ACTIVITY_EVENTS = ["pointermove", "pointerdown", "touchstart", "scroll", "keydown", "input", "visibilitychange"];
// Where keys write or move and do not rate. A ticked flag keeps the focus; keys still rate there.
const TEXT_FIELDS = "textarea, select, input:not([type=checkbox])";

let running = null;

export function start(element, scale) {
  running?.abort(); // Gradio may mount the component again: the old listeners go
  running = new AbortController();
  new RatingScreen(element.querySelector(".rate"), scale, running.signal).start();
}

class RatingScreen {
  constructor(root, scale, signal) {
    Object.assign(this, { root, scale, signal, ui: parts(root), stopwatch: new Stopwatch(), lease: new Lease() });
    this.screen = { card: null };
    this.queue = [];
    this.unsentQueue = []; // decisions from before this page, which go first
    this.isSending = this.isCatchingUp = this.isOffline = this.isSignedOut = this.refreshAfterSending = false;
    this.lastClick = this.requestNumber = 0;
    this.lastKey = {};
    this.details = new CardDetails(this.ui, root);
    this.notices = new Notices(this.ui);
    this.waiting = new Waiting(this.ui);
    this.chosen = null; // waits for Enter, where the rater wants that
    this.tabs = new BroadcastChannel("rateloop");
    signal.addEventListener("abort", () => this.tabs.close());
  }

  start() {
    drawScale(this.ui, this.scale, (intent, event, button) => this.onScaleClick(intent, event, button));
    this.addListeners();
    this.refresh();
  }

  addListeners() {
    const { signal } = this;
    document.addEventListener("keydown", (event) => this.onKey(event), { signal });
    this.root.addEventListener("click", (event) => this.onActionClick(event), { signal });
    for (const name of ACTIVITY_EVENTS) {
      document.addEventListener(name, (event) => this.onActivity(event), { signal, passive: true, capture: true });
    }
    document.addEventListener("visibilitychange", () => document.hidden || this.onReturn(), { signal });
    window.addEventListener("online", () => this.refresh(), { signal });
    window.addEventListener("pageshow", (event) => event.persisted && this.refresh(), { signal });
    this.tabs.addEventListener("message", () => this.refresh(), { signal });
    const dock = new ResizeObserver(([entry]) => document.documentElement.style.setProperty("--dock", `${entry.target.offsetHeight}px`));
    dock.observe(this.root.querySelector(".rl-dock"));
    const timers = [setInterval(() => this.poll(), POLL), setInterval(() => this.heartbeat(), HEARTBEAT)];
    signal.addEventListener("abort", () => (timers.forEach(clearInterval), dock.disconnect()));
  }

  // After a long pause the page looks first whether the card is still theirs. A key has been pressed for what it shows.
  onActivity({ type }) {
    this.stopwatch.recordActivity();
    if (type !== "keydown" && this.screen.card && !this.isSending && this.lease.takeLapse()) this.refresh();
  }

  // ---- input

  onKey(event) {
    if (event.defaultPrevented || this.root.querySelector("dialog[open]")) return;
    // For a moment after a dialog has closed, its focused element still gets the keys.
    const isWriting = event.target.matches?.(TEXT_FIELDS) && !event.target.closest("dialog");
    if (event.key === "Escape" && this.details.contains(event.target)) event.target.blur();
    if (isWriting) return;
    const intent = intentOf(event, this.scale);
    const onButton = event.target.closest?.("button, a, summary");
    if (!intent || (intent.act === "confirm" && (!this.chosen || onButton))) return;
    event.preventDefault();
    if (event.repeat || (intent.act === "rate" && this.isPressedTwice(event))) return;
    if (intent.act === "confirm") this.enqueue(this.chosen);
    else if (intent.act === "rate" && this.needsEnter) this.choose(intent);
    else if (intent.act === "rate" || intent.act === "undo") this.enqueue(intent);
    else this.open(intent.act);
  }

  // Different keys are meant, however fast they come.
  isPressedTwice({ key, code, timeStamp }) {
    const last = this.lastKey;
    this.lastKey = { key, code, at: timeStamp };
    return last.key === key && last.code === code && timeStamp - last.at < DOUBLE_PRESS;
  }

  get needsEnter() {
    return this.storage?.get("enter") === "true";
  }

  choose(intent) {
    if (!this.screen.card || this.isSending) return;
    this.chosen = intent;
    this.highlight(intent.score, intent.verdict);
    const point = this.scale.points.find((p) => p.score === intent.score && intent.verdict === "rated");
    const verdict = this.scale.verdicts.find((v) => v.name === intent.verdict);
    const sentence = `${point ? `${point.mark} – ${point.words}` : verdict.label}: Enter saves it.`;
    this.say(sentence);
    this.ui.live.textContent = sentence;
  }

  onScaleClick(intent, event, button) {
    // A click means the card on screen: it never waits in the queue. The second half of a double click is ignored.
    const now = performance.now();
    const isDoubleClick = now - this.lastClick < DOUBLE_CLICK && event.detail > 0;
    this.lastClick = now;
    if (event.detail > 0) button.blur(); // so that a later Enter does not rate the next card
    if (isDoubleClick || (this.isSending && !this.isCatchingUp)) return;
    this.enqueue({ act: "rate", ...intent });
  }

  onActionClick(event) {
    const act = event.target.closest("[data-act]")?.dataset.act;
    if (act === "undo") !this.isSending && this.enqueue({ act: "undo" });
    // A finger that opened the fields closes them; by mouse and keys one goes into them
    else if (act === "details" && event.pointerType === "touch" && this.details.isOpen) this.details.close();
    else if (act) this.open(act);
  }

  async open(what) {
    if (!this.screen.me) return; // the server has not answered yet
    if (what === "details") return this.details.toggle();
    if (what === "raw") return this.toggleRawText();
    if (what === "instructions") return toggleInstructions(this.ui.prompt);
    try {
      if (what === "keys") showKeys(this.ui["keys-dialog"], this.scale, this.storage, this.screen.asks);
      if (what === "recent") await showRecentRatings(this.ui["recent-dialog"], { scale: this.scale, asks: this.screen.asks, edit: (...about) => this.edit(...about) }, () => this.refresh(), (why) => this.say(why, true));
      if (what === "edit" || what === "edit2") await this.editCard(what === "edit" ? 0 : 1);
      if (what === "guidelines") this.screen.guideline_version = await this.notices.openGuidelines();
    } catch (error) {
      this.say(error.message || "The server cannot be reached just now.", true);
    }
  }

  // The time that is spent writing is no time that the rating took.
  async editCard(which) {
    const { card } = this.screen;
    const mark = card?.edits[which];
    if (!mark) return;
    const read = this.stopwatch.read();
    await this.edit(mark.response_id, card.messages.at(-1).content, (stored) => {
      mark.edit_id = stored?.edit_id ?? null;
      if (this.screen.card?.response_id === card.response_id) drawEditButtons(this.ui, card);
      this.say(stored ? "Saved your better answer." : "Took your better answer back.");
      this.ui.live.textContent = this.ui.message.textContent;
    });
    this.ui["edit-dialog"].addEventListener("close", () => this.stopwatch.continueFrom(read), { once: true });
  }

  // Of any response that this person may edit.
  edit(responseId, prompt, onChanged) {
    return openEditor(this.ui["edit-dialog"], { responseId, prompt, storage: this.storage, person: this.person }, onChanged);
  }

  enqueue(intent) {
    if (this.isCatchingUp) {
      this.say("Your rating from before is still being sent: that one was not taken.", true);
      return;
    }
    if (this.isOffline || this.isSignedOut || this.queue.length >= QUEUE_LIMIT) {
      this.say("Waiting for the connection: that key was not taken.", true);
      return;
    }
    this.queue.push(intent);
    this.sendQueue();
  }

  // ---- decisions

  async sendQueue() {
    if (this.isSending) return;
    this.isSending = true;
    while ((this.unsentQueue.length || this.queue.length) && !this.isSignedOut) {
      try {
        if (this.unsentQueue.length) await this.sendUnsent(this.unsentQueue.shift());
        else await this.carryOut(this.queue.shift());
      } catch (error) {
        if (this.signal.aborted) return; // this component is gone; the one after it sends what is kept
        this.queue.length = 0;
        await this.showRefusal(error);
      }
    }
    this.isSending = this.isCatchingUp = false;
    this.tabs.postMessage("changed");
    if (this.refreshAfterSending) this.refresh();
  }

  async carryOut(intent) {
    if (intent.act === "undo") await this.undo();
    else if (this.screen.card) await this.decide(intent);
  }

  // Who this page is for. The server takes nothing from it once somebody else is signed in.
  get person() {
    return { home: this.screen.home, user_id: this.screen.me.id };
  }

  async decide({ score, verdict }) {
    const card = this.screen.card;
    this.highlight(score, verdict);
    const { response_id, position, shown_at } = card;
    const { guideline_version } = this.screen;
    const about = { response_id, score, verdict, position, shown_at, guideline_version, ...this.person };
    const decision = { ...about, ...this.details.read(), key: newKey(), active_ms: this.stopwatch.read() };
    this.unsent.add(decision);
    const screen = await this.send(decision);
    this.details.removeDraft(response_id);
    this.notices.onRated();
    this.show(screen, `Saved ${ratingLabel(screen.saved)}`);
  }

  async send(decision) {
    const { unsent } = this;
    try {
      const screen = await this.callUntilAnswered("api/rate", decision);
      unsent.remove(decision.key);
      return screen;
    } catch (error) {
      // Signed out: the decision waits here for this person. Anything else was refused for good.
      if (error instanceof Refusal && error.status !== 401) unsent.remove(decision.key);
      throw error;
    }
  }

  async sendUnsent(decision) {
    const screen = await this.send(decision);
    this.details.removeDraft(decision.response_id);
    this.show(screen, `Saved from before: ${ratingLabel(screen.saved)}`);
  }

  async undo() {
    const last = this.screen.last;
    if (!last) return this.say("There is nothing to undo.", true);
    const screen = await this.callUntilAnswered("api/undo", { response_id: last.response_id, ...this.person });
    // Nothing to undo, but its card is here again: a request whose answer was lost, or another tab, has done it.
    const undone = screen.undone || (screen.card?.response_id === last.response_id ? last : null);
    if (undone) this.details.storeDraft(undone.response_id, undone);
    this.show(screen, undone && `Taken back: you had given ${ratingLabel(undone)}`);
    if (!undone) this.say("Nothing was taken back: that was not your latest rating any more.", true);
  }

  callUntilAnswered(path, body) {
    this.requestNumber++;
    return callUntilAnswered(path, body, {
      onTrouble: (why) => {
        this.isOffline = true;
        this.notices.setConnectionTrouble(`${why || "Connection lost."} Your rating is kept here and sent as soon as the server takes it.`);
      },
      onRecovered: () => {
        this.isOffline = false;
        this.notices.setConnectionTrouble("");
      },
      isStopped: () => this.signal.aborted,
    });
  }

  async showRefusal(error) {
    const { me } = this.screen;
    this.highlight(null, null);
    await this.loadScreen();
    if (this.isSignedOut) return;
    const kept = `Somebody else has signed in here: what ${me.name} had not sent yet is kept for them.`;
    if (error.status === WITH_SOMEBODY_ELSE) return this.say("Somebody else has that one by now: this is the next.");
    this.say(this.screen.me.id !== me.id ? kept : error.message || "The server could not be reached.", true);
  }

  showSignedOut() {
    this.isSignedOut = true;
    this.notices.setConnectionTrouble("You are signed out. Open your invite link again, or ask for a new one; what was not yet sent is kept on this device.");
  }

  // ---- the screen

  // Not while a decision is on its way: its own answer is newer than what could be asked for now.
  refresh() {
    this.refreshAfterSending = this.isSending;
    if (!this.isSending) return this.loadScreen();
  }

  // Only the answer to the newest request is drawn.
  async loadScreen() {
    const requestNumber = ++this.requestNumber;
    try {
      const screen = await call("api/card");
      if (requestNumber !== this.requestNumber) return;
      this.show(screen);
      this.isOffline = this.isSignedOut = false;
      this.notices.setConnectionTrouble("");
    } catch (error) {
      if (requestNumber !== this.requestNumber) return;
      if (error.status === 401) this.showSignedOut();
      else this.notices.setConnectionTrouble(error.message || "The server cannot be reached; trying again.");
    }
  }

  show(screen, message) {
    const before = this.screen;
    const isNewPerson = before.home !== screen.home || before.me?.id !== screen.me.id || this.isSignedOut;
    const isNewCard = isNewPerson || screen.card?.response_id !== before.card?.response_id;
    if (isNewPerson || screen.round?.number !== before.round?.number) queueMicrotask(() => this.notices.loadNews());
    this.screen = screen;
    this.lease.hold();
    if (isNewPerson) this.setPerson(screen);
    this.notices.checkGuidelines(screen.guideline_version);
    this.root.classList.remove("blank");
    this.root.classList.toggle("waiting", !screen.card);
    this.details.build(screen.asks);
    drawProgress(this.ui, screen);
    this.waiting.draw(screen);
    if (isNewCard) this.showCard(screen.card);
    this.highlight(null, null);
    this.root.querySelector("[data-act=undo]").disabled = !screen.last?.editable;
    if (message) this.say(message);
    else if (!this.ui.message.textContent && screen.last) this.say(`Last: ${ratingLabel(screen.last)}`);
    if (isNewCard || screen.title !== before.title) this.ui.live.textContent = spoken(screen, message);
  }

  showCard(card) {
    drawCard(this.ui, card, this.showsRawText);
    this.stopwatch.restart();
    this.details.show(card);
    window.scrollTo(0, 0);
    document.title = card ? "Rate · Rateloop" : "Waiting · Rateloop";
  }

  setPerson(screen) {
    this.storage = this.details.storage = this.notices.storage = new DeviceStorage(screen.home, screen.me.id);
    this.unsent = new UnsentDecisions(this.storage);
    this.queue.length = 0;
    this.unsentQueue = this.unsent.list();
    this.isCatchingUp = this.unsentQueue.length > 0;
    this.ui.who.textContent = screen.me.name;
    this.ui.console.hidden = screen.me.role !== "operator";
    if (this.isCatchingUp) queueMicrotask(() => this.sendQueue());
  }

  highlight(score, verdict) {
    if (!verdict) this.chosen = null;
    for (const button of this.root.querySelectorAll("[data-score], [data-verdict]")) {
      const isIt = verdict === "rated" ? button.dataset.score === String(score) : button.dataset.verdict === verdict;
      button.classList.toggle("pressed", Boolean(verdict) && isIt);
    }
  }

  say(sentence, refused = false) {
    this.ui.message.textContent = sentence;
    this.ui.message.classList.toggle("refused", refused);
    if (refused) this.ui.live.textContent = sentence;
  }

  get showsRawText() {
    return this.storage?.get("raw") === "true";
  }

  toggleRawText() {
    const { card } = this.screen;
    if (!card?.html && !card?.other?.html) return;
    this.storage.set("raw", String(!this.showsRawText));
    drawText(this.ui, card, this.showsRawText);
  }

  // ---- time

  poll() {
    const isDisconnected = Boolean(this.notices.connectionTrouble);
    if (document.hidden || this.isSending || this.isSignedOut || (this.screen.card && !isDisconnected)) return;
    this.polls = (this.polls || 0) + 1;
    if (this.polls > 20 && this.polls % 3) return; // gentler after a minute
    this.refresh();
  }

  async heartbeat() {
    const { card } = this.screen;
    if (!card || document.hidden || this.isSending || performance.now() - this.stopwatch.lastActivity > HEARTBEAT * 2) return;
    try {
      const { yours } = await call("api/heartbeat", { response_id: card.response_id });
      if (yours) this.lease.hold();
      else if (!this.isSending) await this.refresh();
    } catch {
      // The next decision shows whether the card is still theirs.
    }
  }

  onReturn() {
    if (!this.isSending && (this.isSignedOut || !this.screen.card || this.lease.takeLapse())) this.refresh();
  }
}
