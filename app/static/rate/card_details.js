// Further qualities, flags and a comment for the card on screen. They are kept on this device until it is rated.

import { el } from "./dom.js";
import { parseJson } from "./device_storage.js";

export class CardDetails {
  constructor(ui, root) {
    Object.assign(this, { ui, root, comment: ui.comment.querySelector("textarea"), builtFor: "", asks: null, card: null, storage: null });
    for (const node of [ui.details, ui.qualities]) node.addEventListener("input", () => this.saveDraft());
    // There is no Esc on a phone
    if (matchMedia("(hover: none)").matches) this.comment.placeholder = "A comment on this response, saved with your rating.";
    ui.qualities.addEventListener("keydown", (event) => this.onKey(event));
    // By mouse or finger one quality is answered and no more: the next key rates.
    ui.qualities.addEventListener("click", (event) => event.detail > 0 && event.target.blur());
  }

  build(asks) {
    const builtFor = JSON.stringify(asks);
    if (builtFor === this.builtFor) return;
    Object.assign(this, { builtFor, asks });
    this.ui.qualities.replaceChildren(...asks.attributes.map((name) => this.qualityGroup(name)));
    this.ui.qualities.hidden = !asks.attributes.length;
    const flags = asks.flags.map((flag) => el("label", { className: "rate-flag" }, el("input", { type: "checkbox", name: "flag", value: flag }), el("span", {}, flag)));
    this.ui.flags.replaceChildren(...flags);
    this.ui.flags.hidden = !flags.length;
    this.fill(this.draft());
  }

  qualityGroup(name) {
    const { points, words } = this.asks;
    const group = el("fieldset", { className: "rate-quality" }, el("legend", {}, name));
    points.forEach((point, i) => {
      const input = el("input", { type: "radio", name: `quality-${name}`, value: point, "aria-label": `${point} – ${words[i]}` });
      input.dataset.quality = name;
      group.append(el("label", { title: words[i] }, input, el("span", { "aria-hidden": "true" }, String(point))));
    });
    return group;
  }

  show(card) {
    this.card = card;
    this.fill(this.draft());
    if (this.contains(document.activeElement)) document.activeElement.blur();
    this.setOpen(this.hasAnswers);
  }

  draft() {
    return (this.card && parseJson(this.storage.get(`draft.${this.card.response_id}`))) || {};
  }

  fill({ comment = "", flags = [], attributes = {} }) {
    this.comment.value = comment;
    for (const box of this.ui.flags.querySelectorAll("input")) box.checked = flags.includes(box.value);
    for (const radio of this.ui.qualities.querySelectorAll("input")) radio.checked = attributes[radio.dataset.quality] === Number(radio.value);
    this.markButton();
  }

  read() {
    const flags = [...this.ui.flags.querySelectorAll("input:checked")].map((box) => box.value);
    const chosen = [...this.ui.qualities.querySelectorAll("input:checked")].map((radio) => [radio.dataset.quality, Number(radio.value)]);
    return { comment: this.comment.value.trim(), flags, attributes: Object.fromEntries(chosen) };
  }

  // A flag or a comment stays in view.
  get hasAnswers() {
    const { comment, flags } = this.read();
    return Boolean(comment || flags.length);
  }

  contains(node) {
    return this.ui.details.contains(node) || this.ui.qualities.contains(node);
  }

  saveDraft() {
    if (this.card) this.storeDraft(this.card.response_id, { ...this.read(), comment: this.comment.value });
    this.markButton();
  }

  storeDraft(responseId, { comment, flags, attributes }) {
    this.storage.set(`draft.${responseId}`, JSON.stringify({ comment, flags, attributes }));
  }

  removeDraft(responseId) {
    this.storage.remove(`draft.${responseId}`);
  }

  markButton() {
    this.button?.classList.toggle("written", this.hasAnswers);
  }

  get button() {
    return this.root.querySelector("[data-act=details]");
  }

  setOpen(isOpen) {
    this.ui.details.hidden = !isOpen;
    this.button?.setAttribute("aria-expanded", String(isOpen));
  }

  get isOpen() {
    return !this.ui.details.hidden;
  }

  // What was written stays: the button is marked.
  close() {
    if (this.contains(document.activeElement)) document.activeElement.blur();
    this.setOpen(false);
  }

  // Into the fields, or out of them. Qualities that have no answer yet come first.
  toggle() {
    const isLeaving = this.contains(document.activeElement) && !this.ui.details.hidden;
    this.setOpen(!isLeaving || this.hasAnswers);
    if (isLeaving) return document.activeElement.blur();
    const unanswered = [...this.ui.qualities.children].find((group) => !group.querySelector(":checked"));
    (unanswered?.querySelector("input") || this.comment).focus();
  }

  // A digit answers the focused quality and goes to the next; after the last one the keys rate again.
  onKey(event) {
    const { quality } = event.target.dataset;
    if (!quality || !/^[0-9]$/.test(event.key) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    const group = event.target.closest("fieldset");
    const radio = group.querySelector(`input[value="${event.key}"]`);
    if (!radio) return;
    radio.checked = true;
    this.saveDraft();
    const next = group.nextElementSibling?.querySelector("input:checked, input");
    if (next) next.focus();
    else event.target.blur();
  }
}
