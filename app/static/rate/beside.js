// What was said beside one of the last ten: read at a glance, opened to be changed.

import { el } from "./dom.js";

export class Beside {
  // `onEdit` hears of each change of a field, with `more` while a comment is being written: that is saved when its
  // field is left, so that a pause for thought is no revision.
  constructor(entry, asks, onEdit) {
    this.summary = el(entry.editable ? "summary" : "div", { className: "rate-said" });
    if (!entry.editable) {
      this.node = nothing(entry) ? null : el("div", { className: "rate-beside" }, this.summary);
      return this.tell(entry);
    }
    const named = (known, given) => [...new Set([...known, ...given])]; // also what is asked no more
    this.qualities = named(asks.attributes, Object.keys(entry.attributes)).map((name) => quality(name, asks));
    this.flags = named(asks.flags, entry.flags).map((flag) => el("input", { type: "checkbox", value: flag }));
    this.comment = el("textarea", { dir: "auto", maxLength: 4000, rows: 2, placeholder: "A comment on this response", "aria-label": `Comment on the answer to: ${entry.prompt}` });
    const labels = this.qualities.map((field) => el("label", { className: "rate-asked" }, field.dataset.quality, field));
    const ticks = this.flags.map((box) => el("label", { className: "rate-flag" }, box, el("span", {}, box.value)));
    const fields = el("div", { className: "rate-fields" }, ...labels, el("div", { className: "rate-flags" }, ...ticks), this.comment);
    fields.addEventListener("input", (event) => onEdit({ more: event.target === this.comment }));
    this.comment.addEventListener("change", () => onEdit({ more: false }));
    this.node = el("details", { className: "rate-beside" }, this.summary, fields);
    this.put(entry);
    this.tell(entry);
  }

  put({ comment, flags, attributes }) {
    for (const field of this.qualities) field.value = attributes[field.dataset.quality] ?? "";
    for (const box of this.flags) box.checked = flags.includes(box.value);
    this.comment.value = comment;
  }

  tell(entry) {
    const qualities = Object.entries(entry.attributes).map(([name, value]) => `${name} ${value}`);
    const marks = [...qualities, ...entry.flags].join(" · ");
    const comment = entry.comment ? el("q", { dir: "auto" }, entry.comment) : null;
    this.summary.replaceChildren(nothing(entry) ? "Say more" : el("span", { dir: "auto" }, marks), ...(comment ? [comment] : []));
  }

  // The fields that say something else than what is stored.
  change(stored) {
    if (!this.comment) return {};
    const comment = this.comment.value.trim();
    const flags = this.flags.filter((box) => box.checked).map((box) => box.value);
    const answered = this.qualities.filter((field) => field.value);
    const attributes = Object.fromEntries(answered.map((field) => [field.dataset.quality, Number(field.value)]));
    return {
      ...(comment === stored.comment ? {} : { comment }),
      ...(same(flags, stored.flags) ? {} : { flags }),
      ...(same(Object.entries(attributes), Object.entries(stored.attributes)) ? {} : { attributes }),
    };
  }
}

function nothing({ comment, flags, attributes }) {
  return !comment && !flags.length && !Object.keys(attributes).length;
}

function quality(name, { points, words }) {
  const field = el("select", {}, new Option("–", ""), ...points.map((point, i) => new Option(`${point} – ${words[i]}`, point)));
  field.dataset.quality = name;
  return field;
}

function same(one, other) {
  return JSON.stringify([...one].sort()) === JSON.stringify([...other].sort());
}
