// The last ten decisions, and changing them: one request at a time for each, and what was chosen last is what stays.

import { el, textBlock } from "./dom.js";
import { call } from "./net.js";
import { said } from "./card.js";
import { fill } from "./dialogs.js";
import { Beside } from "./beside.js";

// A closed list tells of each arrow key: what is only passed over on the way to another value is not sent.
const PAUSE = 700;
const UNSAVED = "Not saved yet…";

// `onFailed`: where a change fails after the panel was closed.
export async function showRecent(dialog, { scale, asks }, onChanged, onFailed) {
  const { recent } = await call("/api/recent");
  const failed = (why) => dialog.open || onFailed(why);
  const rows = recent.map((entry) => new Row(entry, scale, asks, onChanged, failed));
  const list = el("ul", { className: "rate-list" }, ...rows.map((row) => row.node));
  const none = recent.length ? null : el("p", { className: "rl-quiet" }, "You have not rated anything yet.");
  dialog.addEventListener("close", () => rows.forEach((row) => row.save()), { once: true });
  fill(dialog, "rate-recent-title", "Your last ten", none || list);
}

class Row {
  constructor(entry, scale, asks, onChanged, onFailed) {
    Object.assign(this, { entry, scale, onChanged, onFailed, timer: null, saving: false });
    const closed = entry.editable ? "" : `${said(entry)}. This one cannot be changed any more.`;
    this.note = el("small", { role: "status" }, closed);
    this.answer = el("select", { className: "rate-answer", disabled: !entry.editable, "aria-label": `Rating of the answer to: ${entry.prompt}` });
    for (const p of scale.points) this.answer.append(new Option(`${p.mark} – ${p.words}`, p.score));
    for (const v of scale.verdicts) this.answer.append(new Option(v.label, v.name));
    this.answer.value = valueOf(entry);
    this.answer.addEventListener("change", () => this.wait());
    this.answer.addEventListener("keydown", (event) => event.key === "Enter" && this.save());
    this.answer.addEventListener("blur", () => this.save());
    this.beside = new Beside(entry, asks, (edit) => this.wait(edit));
    const texts = entry.other === null ? [entry.text] : [`First: ${entry.text}`, `Second: ${entry.other}`];
    const about = el("div", {}, el("strong", { dir: "auto" }, entry.prompt), ...texts.map((text) => textBlock(text)));
    this.node = el("li", {}, about, this.answer, this.beside.node, this.note);
  }

  wait({ more = false } = {}) {
    clearTimeout(this.timer);
    this.timer = more ? null : setTimeout(() => this.save(), PAUSE);
    this.tell(UNSAVED);
  }

  tell(sentence, failed = false) {
    this.note.textContent = sentence;
    this.note.classList.toggle("failed", failed);
  }

  // What is not as it is stored. A score goes with every change of it.
  get change() {
    const { value } = this.answer;
    const scored = this.scale.points.some((p) => String(p.score) === value);
    const beside = this.beside.change(this.entry);
    if (value === valueOf(this.entry) && !Object.keys(beside).length) return null;
    return { ...(scored ? { score: Number(value) } : { verdict: value }), ...beside };
  }

  async save() {
    clearTimeout(this.timer);
    this.timer = null;
    if (this.saving || !this.entry.editable) return; // whoever is at it looks again
    this.saving = true;
    let stored = true;
    while (stored && !this.timer && this.change) stored = await this.send(this.change);
    this.saving = false;
    if (this.note.textContent === UNSAVED && !this.timer) this.tell("");
  }

  async send(change) {
    const before = valueOf(this.entry);
    try {
      const { saved } = await call("/api/revise", { rating_id: this.entry.rating_id, ...change });
      this.stored(saved, before);
      this.onChanged();
      return true;
    } catch (error) {
      return this.failed(error, before);
    }
  }

  stored(saved, before) {
    Object.assign(this.entry, saved);
    this.beside.tell(saved);
    this.tell(valueOf(saved) === before ? "Saved." : `Changed to ${said(saved)}.`);
  }

  // What is stored may be the old answer, or the new one where only the server's word was lost: the server knows. What
  // was written beside it stays in its fields, and goes with the next change.
  async failed(error, before) {
    const why = error.message || "The server cannot be reached.";
    let stays = "Last known:";
    try {
      const { recent } = await call("/api/recent");
      this.stored(recent.find((one) => one.response_id === this.entry.response_id), before);
      if (!this.change) return true;
      stays = "It stays";
    } catch {
      // Nothing newer is known.
    }
    clearTimeout(this.timer);
    this.timer = null;
    this.answer.value = valueOf(this.entry);
    this.answer.disabled = !this.entry.editable;
    const unsaved = this.change ? " What you wrote beside it is not saved." : "";
    this.tell(`${why} ${stays} ${said(this.entry)}.${unsaved}`, true);
    this.onFailed(this.note.textContent);
    return false;
  }
}

function valueOf({ verdict, score }) {
  return verdict === "rated" ? String(score) : verdict;
}
