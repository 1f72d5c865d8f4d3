// The qualities, flags and comment of one of the last ten ratings: a summary, and fields to change them.

import { el } from "./dom.js";

export class AnswerDetails {
  // `onEdit` is called at each change of a field, with `isWriting` while a comment is being written: that is saved when
  // its field is left, so that a pause for thought is no revision.
  constructor(entry, asks, onEdit) {
    this.summary = el(entry.editable ? "summary" : "div", { className: "rate-answer-summary" });
    if (!entry.editable) {
      this.node = isEmpty(entry) ? null : el("div", { className: "rate-answer-details" }, this.summary);
      return this.summarize(entry);
    }
    const union = (asked, given) => [...new Set([...asked, ...given])]; // also what is no longer asked
    this.qualities = union(asks.attributes, Object.keys(entry.attributes)).map((name) => qualityField(name, asks));
    this.flags = union(asks.flags, entry.flags).map((flag) => el("input", { type: "checkbox", value: flag }));
    this.comment = el("textarea", { dir: "auto", maxLength: 4000, rows: 2, placeholder: "A comment on this response", "aria-label": `Comment on the answer to: ${entry.prompt}` });
    const labels = this.qualities.map((field) => el("label", { className: "rate-answer-quality" }, field.dataset.quality, field));
    const ticks = this.flags.map((box) => el("label", { className: "rate-flag" }, box, el("span", {}, box.value)));
    const fields = el("div", { className: "rate-fields" }, ...labels, el("div", { className: "rate-flags" }, ...ticks), this.comment);
    fields.addEventListener("input", (event) => onEdit({ isWriting: event.target === this.comment }));
    this.comment.addEventListener("change", () => onEdit({ isWriting: false }));
    this.node = el("details", { className: "rate-answer-details" }, this.summary, fields);
    this.fill(entry);
    this.summarize(entry);
  }

  fill({ comment, flags, attributes }) {
    for (const field of this.qualities) field.value = attributes[field.dataset.quality] ?? "";
    for (const box of this.flags) box.checked = flags.includes(box.value);
    this.comment.value = comment;
  }

  summarize(entry) {
    const qualities = Object.entries(entry.attributes).map(([name, value]) => `${name} ${value}`);
    const marks = [...qualities, ...entry.flags].join(" · ");
    const comment = entry.comment ? el("q", { dir: "auto" }, entry.comment) : null;
    this.summary.replaceChildren(isEmpty(entry) ? "Say more" : el("span", { dir: "auto" }, marks), ...(comment ? [comment] : []));
  }

  // The fields that differ from what is stored.
  change(stored) {
    if (!this.comment) return {};
    const comment = this.comment.value.trim();
    const flags = this.flags.filter((box) => box.checked).map((box) => box.value);
    const answered = this.qualities.filter((field) => field.value);
    const attributes = Object.fromEntries(answered.map((field) => [field.dataset.quality, Number(field.value)]));
    return {
      ...(comment === stored.comment ? {} : { comment }),
      ...(isSame(flags, stored.flags) ? {} : { flags }),
      ...(isSame(Object.entries(attributes), Object.entries(stored.attributes)) ? {} : { attributes }),
    };
  }
}

function isEmpty({ comment, flags, attributes }) {
  return !comment && !flags.length && !Object.keys(attributes).length;
}

function qualityField(name, { points, words }) {
  const field = el("select", {}, new Option("–", ""), ...points.map((point, i) => new Option(`${point} – ${words[i]}`, point)));
  field.dataset.quality = name;
  return field;
}

function isSame(a, b) {
  return JSON.stringify([...a].sort()) === JSON.stringify([...b].sort());
}
