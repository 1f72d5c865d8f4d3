// The last ten decisions, and changing them: one request at a time for each, and the value chosen last is what stays.

import { el, textBlock } from "./dom.js";
import { call } from "./net.js";
import { said } from "./card.js";
import { fill } from "./dialogs.js";

// A closed list tells of each arrow key: what is only passed over on the way to another value is not sent.
const PAUSE = 700;

// `onFailed`: where a change fails after the panel was closed.
export async function showRecent(dialog, scale, onChanged, onFailed) {
  const { recent } = await call("/api/recent");
  const rows = recent.map((entry) => new Row(entry, scale, onChanged, (why) => dialog.open || onFailed(why)));
  const list = el("ul", { className: "rate-list" }, ...rows.map((row) => row.node));
  const none = recent.length ? null : el("p", { className: "rl-quiet" }, "You have not rated anything yet.");
  dialog.addEventListener("close", () => rows.forEach((row) => row.save()), { once: true });
  fill(dialog, "rate-recent-title", "Your last ten", none || list);
}

class Row {
  constructor(entry, scale, onChanged, onFailed) {
    Object.assign(this, { entry, scale, onChanged, onFailed, timer: null, saving: false });
    const closed = entry.editable ? "" : `${said(entry)}. This one cannot be changed any more.`;
    this.note = el("small", { role: "status" }, closed);
    this.answer = el("select", { disabled: !entry.editable, "aria-label": `Rating of the answer to: ${entry.prompt}` });
    for (const p of scale.points) this.answer.append(new Option(`${p.mark} – ${p.words}`, p.score));
    for (const v of scale.verdicts) this.answer.append(new Option(v.label, v.name));
    this.answer.value = valueOf(entry);
    this.answer.addEventListener("change", () => this.wait());
    this.answer.addEventListener("keydown", (event) => event.key === "Enter" && this.save());
    this.answer.addEventListener("blur", () => this.save());
    const texts = entry.other === null ? [entry.text] : [`First: ${entry.text}`, `Second: ${entry.other}`];
    const about = el("div", {}, el("strong", { dir: "auto" }, entry.prompt), ...texts.map((text) => textBlock(text)));
    this.node = el("li", {}, about, this.answer, beside(entry), this.note);
  }

  wait() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), PAUSE);
    this.note.textContent = "Not saved yet…";
  }

  async save() {
    clearTimeout(this.timer);
    this.timer = null;
    if (this.saving) return; // whoever is at it looks again
    this.saving = true;
    while (!this.timer && this.answer.value !== valueOf(this.entry)) await this.send();
    this.saving = false;
    if (this.note.textContent === "Not saved yet…" && !this.timer) this.note.textContent = "";
  }

  async send() {
    const { value } = this.answer;
    const scored = this.scale.points.some((p) => String(p.score) === value);
    const change = scored ? { score: Number(value) } : { verdict: value };
    try {
      const { saved } = await call("/api/revise", { rating_id: this.entry.rating_id, ...change });
      Object.assign(this.entry, saved);
      this.note.textContent = `Changed to ${said(saved)}.`;
      this.onChanged();
    } catch (error) {
      await this.failed(error, value);
    }
  }

  // What is stored may be the old value, or the new one where only the answer was lost: the server knows.
  async failed(error, wanted) {
    const why = error.message || "The server cannot be reached.";
    try {
      const { recent } = await call("/api/recent");
      Object.assign(this.entry, recent.find((one) => one.response_id === this.entry.response_id));
      this.note.textContent = valueOf(this.entry) === wanted ? `Changed to ${said(this.entry)}.` : `${why} It stays ${said(this.entry)}.`;
    } catch {
      this.note.textContent = `${why} Last known: ${said(this.entry)}.`;
    }
    clearTimeout(this.timer);
    this.timer = null;
    this.answer.value = valueOf(this.entry);
    this.answer.disabled = !this.entry.editable;
    if (this.answer.value !== wanted) this.onFailed(this.note.textContent);
  }
}

function valueOf({ verdict, score }) {
  return verdict === "rated" ? String(score) : verdict;
}

// What was said beside the score.
function beside({ comment, flags, attributes }) {
  const qualities = Object.entries(attributes).map(([name, value]) => `${name} ${value}`);
  const marks = [...qualities, ...flags].join(" · ");
  if (!marks && !comment) return null;
  return el("div", { className: "rate-beside" }, marks ? el("span", { dir: "auto" }, marks) : null, comment ? el("q", { dir: "auto" }, comment) : null);
}
