// A better answer: a response in an editor, saved beside the rating and not in place of it. What is written stays on
// this device until it is saved or given up; Esc only closes.

import { el, newKey, textBlock } from "./dom.js";
import { call } from "./api.js";
import { parseJson } from "./device_storage.js";
import { openDialog } from "./dialogs.js";
import { Stopwatch } from "./stopwatch.js";

const LONGEST = 40000; // characters, as the server takes them

// `prompt`: what was asked, in a few lines. `onChanged` is given the better answer that is stored now, null where it was
// taken back.
export async function openEditor(dialog, { responseId, prompt, storage, person }, onChanged) {
  const { original, edit } = await call(`api/edits/${responseId}`);
  new Editor(dialog, { responseId, prompt, storage, person, onChanged, original: withoutReturns(original), edit }).open();
}

class Editor {
  constructor(dialog, about) {
    Object.assign(this, about, { dialog, key: null, keyText: null, stopwatch: new Stopwatch() });
    this.draftName = `edit.${this.responseId}`;
    this.field = el("textarea", { id: "rate-edit-text", dir: "auto", maxLength: LONGEST, spellcheck: true, on: { input: () => this.onInput(), keydown: (event) => this.onKey(event) } });
    this.note = el("p", { className: "rate-edit-note", role: "status" });
    this.save = el("button", { type: "button", className: "rl-button rl-primary", on: { click: () => this.send() } }, "Save ", el("kbd", {}, "Ctrl Enter"));
    const cancel = el("button", { type: "button", className: "rl-button", on: { click: () => this.giveUp() } }, "Cancel");
    this.takeBack = el("button", { type: "button", className: "rl-link", hidden: !this.edit, on: { click: () => this.remove() } }, "Take it back");
    this.buttons = el("div", { className: "rate-edit-buttons" }, this.save, cancel, this.takeBack);
  }

  get replaces() {
    return this.edit?.edit_id ?? null;
  }

  // What is stored: the better answer that there is, else the response as the model wrote it.
  get stored() {
    return this.edit ? withoutReturns(this.edit.text) : this.original;
  }

  open() {
    const draft = parseJson(this.storage.get(this.draftName));
    const isKept = draft?.replaces === this.replaces && draft.text !== this.stored;
    this.field.value = isKept ? draft.text : this.stored;
    const asked = textBlock(this.prompt, "rate-edit-prompt");
    const label = el("label", { htmlFor: "rate-edit-text", className: "rl-quiet" }, "What the model should have said. You still rate the response as it was.");
    const before = el("details", { className: "rate-told" }, el("summary", {}, "The response as it was"), textBlock(this.original.trim() ? this.original : "The model wrote nothing."));
    openDialog(this.dialog, "rate-edit-title", "A better answer", asked, label, this.field, this.note, this.buttons, before);
    if (isKept) this.say("You wrote this before; it is not saved yet.");
    this.markButtons();
    this.field.focus();
    this.field.setSelectionRange(this.field.value.length, this.field.value.length);
  }

  onInput() {
    this.stopwatch.recordActivity();
    this.storage.set(this.draftName, JSON.stringify({ text: this.field.value, replaces: this.replaces }));
    this.say("");
    this.markButtons();
  }

  onKey(event) {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    if (!this.save.disabled) this.send();
  }

  // The response itself, nothing, and what is stored already are no better answer.
  markButtons() {
    const text = this.field.value.trim();
    this.save.disabled = !text || text === this.original.trim() || text === this.stored.trim();
  }

  async send() {
    const text = this.field.value;
    if (this.keyText !== text) Object.assign(this, { key: newKey(), keyText: text }); // sent again it counts once
    const body = { response_id: this.responseId, text, key: this.key, replaces: this.replaces, active_ms: this.stopwatch.read(), ...this.person };
    await this.change("api/edits", body, ({ saved }) => saved, "It stays here: save it again.");
  }

  async remove() {
    await this.change("api/edits/take-back", { edit_id: this.replaces, ...this.person }, () => null, "Try again.");
  }

  async change(path, body, storedNow, advice) {
    for (const button of this.buttons.children) button.disabled = true;
    try {
      const stored = storedNow(await call(path, body));
      this.storage.remove(this.draftName);
      this.dialog.close();
      this.onChanged(stored);
    } catch (error) {
      for (const button of this.buttons.children) button.disabled = false;
      this.say(error.status ? error.message : `${error.message || "The server cannot be reached."} ${advice}`, true);
    }
  }

  giveUp() {
    this.storage.remove(this.draftName);
    this.dialog.close();
  }

  say(sentence, failed = false) {
    this.note.textContent = sentence;
    this.note.classList.toggle("failed", failed);
  }
}

// A text field knows line feeds alone.
function withoutReturns(text) {
  return text.replace(/\r\n?/g, "\n");
}
