// What may be said beside the score: further qualities, flags and a comment, for the card in hand. It is kept on this
// device until the card is rated.

import { el } from "./dom.js";
import { read } from "./kept.js";

export class Details {
  constructor(ui, root) {
    Object.assign(this, { ui, root, comment: ui.comment.querySelector("textarea"), shape: "", asks: null, card: null, shelf: null });
    for (const place of [ui.details, ui.qualities]) place.addEventListener("input", () => this.keep());
    ui.qualities.addEventListener("keydown", (event) => this.keyed(event));
    // By mouse or finger one quality is answered and no more: the next key rates.
    ui.qualities.addEventListener("click", (event) => event.detail > 0 && event.target.blur());
  }

  build(asks) {
    const shape = JSON.stringify(asks);
    if (shape === this.shape) return;
    Object.assign(this, { shape, asks });
    this.ui.qualities.replaceChildren(...asks.attributes.map((name) => this.quality(name)));
    this.ui.qualities.hidden = !asks.attributes.length;
    const flags = asks.flags.map((flag) => el("label", { className: "rate-flag" }, el("input", { type: "checkbox", name: "flag", value: flag }), el("span", {}, flag)));
    this.ui.flags.replaceChildren(...flags);
    this.ui.flags.hidden = !flags.length;
    this.put(this.draft());
  }

  quality(name) {
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
    this.put(this.draft());
    if (this.has(document.activeElement)) document.activeElement.blur();
    this.open(this.said);
  }

  draft() {
    return (this.card && read(this.shelf.get(`draft.${this.card.response_id}`))) || {};
  }

  put({ comment = "", flags = [], attributes = {} }) {
    this.comment.value = comment;
    for (const box of this.ui.flags.querySelectorAll("input")) box.checked = flags.includes(box.value);
    for (const radio of this.ui.qualities.querySelectorAll("input")) radio.checked = attributes[radio.dataset.quality] === Number(radio.value);
    this.mark();
  }

  read() {
    const flags = [...this.ui.flags.querySelectorAll("input:checked")].map((box) => box.value);
    const chosen = [...this.ui.qualities.querySelectorAll("input:checked")].map((radio) => [radio.dataset.quality, Number(radio.value)]);
    return { comment: this.comment.value.trim(), flags, attributes: Object.fromEntries(chosen) };
  }

  // Whether a flag or a comment is there: that stays in view.
  get said() {
    const { comment, flags } = this.read();
    return Boolean(comment || flags.length);
  }

  has(node) {
    return this.ui.details.contains(node) || this.ui.qualities.contains(node);
  }

  keep() {
    if (this.card) this.remember(this.card.response_id, { ...this.read(), comment: this.comment.value });
    this.mark();
  }

  remember(responseId, { comment, flags, attributes }) {
    this.shelf.put(`draft.${responseId}`, JSON.stringify({ comment, flags, attributes }));
  }

  forget(responseId) {
    this.shelf.remove(`draft.${responseId}`);
  }

  mark() {
    this.button?.classList.toggle("written", this.said);
  }

  get button() {
    return this.root.querySelector("[data-act=details]");
  }

  open(wanted) {
    this.ui.details.hidden = !wanted;
    this.button?.setAttribute("aria-expanded", String(wanted));
  }

  // Open and in it, or out of it. The qualities come first, where there are any that want an answer.
  toggle() {
    const leave = this.has(document.activeElement) && !this.ui.details.hidden;
    this.open(!leave || this.said);
    if (leave) return document.activeElement.blur();
    const unanswered = [...this.ui.qualities.children].find((group) => !group.querySelector(":checked"));
    (unanswered?.querySelector("input") || this.comment).focus();
  }

  // A digit answers the quality in hand and goes to the next; after the last one the keys rate again.
  keyed(event) {
    const { quality } = event.target.dataset;
    if (!quality || !/^[0-9]$/.test(event.key) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    const group = event.target.closest("fieldset");
    const radio = group.querySelector(`input[value="${event.key}"]`);
    if (!radio) return;
    radio.checked = true;
    this.keep();
    const next = group.nextElementSibling?.querySelector("input:checked, input");
    if (next) next.focus();
    else event.target.blur();
  }
}
