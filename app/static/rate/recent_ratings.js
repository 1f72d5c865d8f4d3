// The last ten decisions, and changing them: one request at a time for each, and what was chosen last is what stays.

import { continuationBlock, el, textBlock } from "./dom.js";
import { call } from "./api.js";
import { ratingLabel } from "./drawing.js";
import { openDialog } from "./dialogs.js";
import { AnswerDetails } from "./answer_details.js";
import { recentEdits } from "./recent_edits.js";

// A closed list reports each arrow key: what is only passed over on the way to another value is not sent.
const SAVE_DELAY = 700; // milliseconds
const GIVEN_SHOWN = 60; // characters of a text that was continued: few lines are shown, and what was rated comes last
const UNSAVED = "Not saved yet…";

// `edit` opens the editor of a better answer; `onFailed`: where a change fails after the panel was closed.
export async function showRecentRatings(dialog, { scale, asks, edit }, onChanged, onFailed) {
  const { recent } = await call("api/recent");
  const reportFailure = (why) => dialog.open || onFailed(why);
  const rows = recent.map((entry) => new Row(entry, scale, asks, edit, onChanged, reportFailure));
  const list = el("ul", { className: "rate-list" }, ...rows.map((row) => row.node));
  const none = recent.length ? null : el("p", { className: "rl-quiet" }, "You have not rated anything yet.");
  dialog.addEventListener("close", () => rows.forEach((row) => row.save()), { once: true });
  openDialog(dialog, "rate-recent-title", "Your last ten", none || list);
}

function aboutNodes({ prompt, text, other, continuation }) {
  const texts = other === null ? [["", text]] : [["First: ", text], ["Second: ", other]];
  if (!continuation) return [el("strong", { dir: "auto" }, prompt), ...texts.map(([name, one]) => textBlock(name + one))];
  const end = prompt.length > GIVEN_SHOWN ? `… ${prompt.slice(-GIVEN_SHOWN).replace(/^\S+\s+/, "")}` : prompt;
  return texts.map(([name, one]) => continuationBlock(name + end, one));
}

class Row {
  constructor(entry, scale, asks, edit, onChanged, onFailed) {
    Object.assign(this, { entry, scale, onChanged, onFailed, timer: null, saving: false });
    const closedNote = entry.editable ? "" : `${ratingLabel(entry)}. This one cannot be changed any more.`;
    this.note = el("small", { role: "status" }, closedNote);
    this.answer = el("select", { className: "rate-answer", disabled: !entry.editable, "aria-label": `Rating of the answer to: ${entry.prompt}` });
    for (const p of scale.points) this.answer.append(new Option(`${p.mark} – ${p.words}`, p.score));
    for (const v of scale.verdicts) this.answer.append(new Option(v.label, v.name));
    this.answer.value = optionOf(entry);
    this.answer.addEventListener("change", () => this.saveSoon());
    this.answer.addEventListener("keydown", (event) => event.key === "Enter" && this.save());
    this.answer.addEventListener("blur", () => this.save());
    this.details = new AnswerDetails(entry, asks, (edit) => this.saveSoon(edit));
    const about = el("div", {}, ...aboutNodes(entry));
    const edits = recentEdits(entry, asks, edit, (why) => this.showNote(why, true));
    this.node = el("li", {}, about, this.answer, this.details.node, edits, this.note);
  }

  saveSoon({ isWriting = false } = {}) {
    clearTimeout(this.timer);
    this.timer = isWriting ? null : setTimeout(() => this.save(), SAVE_DELAY);
    this.showNote(UNSAVED);
  }

  showNote(sentence, failed = false) {
    this.note.textContent = sentence;
    this.note.classList.toggle("failed", failed);
  }

  // What differs from what is stored. Every change carries a score or a verdict.
  get change() {
    const { value } = this.answer;
    const scored = this.scale.points.some((p) => String(p.score) === value);
    const changedDetails = this.details.change(this.entry);
    if (value === optionOf(this.entry) && !Object.keys(changedDetails).length) return null;
    return { ...(scored ? { score: Number(value) } : { verdict: value }), ...changedDetails };
  }

  async save() {
    clearTimeout(this.timer);
    this.timer = null;
    if (this.saving || !this.entry.editable) return; // the save under way looks again
    this.saving = true;
    let isStored = true;
    while (isStored && !this.timer && this.change) isStored = await this.send(this.change);
    this.saving = false;
    if (this.note.textContent === UNSAVED && !this.timer) this.showNote("");
  }

  async send(change) {
    const before = optionOf(this.entry);
    try {
      const { saved } = await call("api/revise", { rating_id: this.entry.rating_id, ...change });
      this.showStored(saved, before);
      this.onChanged();
      return true;
    } catch (error) {
      return this.showFailure(error, before);
    }
  }

  showStored(saved, before) {
    Object.assign(this.entry, saved);
    this.details.summarize(saved);
    this.showNote(optionOf(saved) === before ? "Saved." : `Changed to ${ratingLabel(saved)}.`);
  }

  // What is stored may be the old answer, or the new one where only the server's word was lost: the server knows. What
  // was written in its details stays in its fields, and goes with the next change.
  async showFailure(error, before) {
    const why = error.message || "The server cannot be reached.";
    let stays = "Last known:";
    try {
      const { recent } = await call("api/recent");
      this.showStored(recent.find((entry) => entry.response_id === this.entry.response_id), before);
      if (!this.change) return true;
      stays = "It stays";
    } catch {
      // Nothing newer is known.
    }
    clearTimeout(this.timer);
    this.timer = null;
    this.answer.value = optionOf(this.entry);
    this.answer.disabled = !this.entry.editable;
    const unsaved = this.change ? " What you wrote beside it is not saved." : "";
    this.showNote(`${why} ${stays} ${ratingLabel(this.entry)}.${unsaved}`, true);
    this.onFailed(this.note.textContent);
    return false;
  }
}

function optionOf({ verdict, score }) {
  return verdict === "rated" ? String(score) : verdict;
}
