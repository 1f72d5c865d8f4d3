// Draws what the server said. Knows nothing of the network.

import { el, textBlock } from "./dom.js";

const IDLE_AFTER = 120000;

// Milliseconds a person has really looked at a card: visible, and not left alone for two minutes.
export class Stopwatch {
  constructor() {
    this.restart();
  }
  restart() {
    this.total = 0;
    this.since = this.lastSign = performance.now();
  }
  sign() {
    const now = performance.now();
    this.settle(now);
    this.lastSign = now;
    this.since = document.hidden ? null : now;
  }
  settle(now) {
    if (this.since !== null) this.total += Math.max(0, Math.min(now, this.lastSign + IDLE_AFTER) - this.since);
    this.since = null;
  }
  read() {
    this.sign();
    return Math.round(this.total);
  }
}

export function buildScale(ui, scale, choose) {
  const [low, word, high] = ui.words.children;
  const show = (text) => () => (word.textContent = text);
  ui.scale.style.setProperty("--points", scale.points.length);
  for (const point of scale.points) {
    const says = `${point.mark} – ${point.words}`;
    const hover = { mouseenter: show(says), focus: show(says), mouseleave: show(""), blur: show("") };
    const button = el("button", { type: "button", "aria-label": `${says}, key ${point.key}`, on: hover }, point.mark);
    button.dataset.score = point.score;
    button.addEventListener("click", (event) => choose({ score: point.score, verdict: "rated" }, event, button));
    ui.scale.append(button);
  }
  low.textContent = `${scale.points[0].mark} – ${scale.points[0].words}`;
  const top = scale.points.at(-1);
  high.replaceChildren(`${top.mark} – ${top.words} `, top.key === `${top.score}` ? "" : el("kbd", {}, top.key));
  for (const verdict of scale.verdicts) {
    const button = el("button", { type: "button", className: "rl-button", title: verdict.meaning }, verdict.label, " ");
    button.append(el("kbd", {}, verdict.key.toUpperCase()));
    button.dataset.verdict = verdict.name;
    button.addEventListener("click", (event) => choose({ score: null, verdict: verdict.name }, event, button));
    ui.others.append(button);
  }
  const comment = el("button", { type: "button", className: "rl-button rate-comment-button" }, "Comment ", el("kbd", {}, "M"));
  comment.dataset.act = "comment";
  comment.setAttribute("aria-expanded", "false");
  ui.others.append(comment);
}

// `raw`: the characters as the model wrote them; else as formatted text, where it has any formatting.
export function drawCard(ui, card, raw) {
  ui.card.hidden = !card;
  if (!card) return;
  ui.prompt.replaceChildren(...promptNodes(card.messages));
  ui.which.textContent = card.of > 1 ? `Response ${card.position} of ${card.of}` : "Response";
  ui.pips.replaceChildren();
  for (let i = 1; card.of > 1 && card.of <= 12 && i <= card.of; i++) {
    ui.pips.append(el("i", { className: i < card.position ? "done" : i === card.position ? "now" : "" }));
  }
  drawText(ui, card, raw);
  ui.response.classList.remove("arrives");
  void ui.response.offsetWidth; // starts the animation anew
  ui.response.classList.add("arrives");
}

export function drawText(ui, card, raw) {
  const blank = !card.text.trim();
  const formatted = Boolean(card.html) && !raw;
  if (blank) ui.text.textContent = "The model wrote nothing.";
  // Cleaned by the server (see app/markup.py); parsed apart, where nothing runs or loads.
  else if (formatted) ui.text.replaceChildren(...new DOMParser().parseFromString(card.html, "text/html").body.childNodes);
  else ui.text.textContent = card.text;
  ui.text.classList.toggle("rate-empty", blank);
  ui.text.classList.toggle("rate-prose", formatted);
  ui.raw.hidden = !card.html;
  ui.raw.replaceChildren(raw ? "Formatted " : "Raw text ", el("kbd", {}, "T"));
  ui.raw.setAttribute("aria-pressed", String(raw));
}

// A lone user message is simply the prompt; a conversation shows who said what.
function promptNodes(messages) {
  const last = messages.length - 1;
  if (last === 0 && messages[0].role === "user") {
    return [el("h2", { className: "rate-label" }, "Prompt"), textBlock(messages[0].content)];
  }
  return messages.map((message, i) =>
    el(
      "div",
      { className: `rate-turn ${i < last ? "rate-earlier" : ""}` },
      el("h2", { className: "rate-label" }, { user: "Person", assistant: "Model", system: "Instructions" }[message.role] || message.role),
      textBlock(message.content)
    )
  );
}

export function drawWait(ui, screen) {
  ui.wait.hidden = Boolean(screen.card);
  if (screen.card) return;
  ui["wait-title"].textContent = screen.title;
  ui["wait-why"].textContent = screen.why;
  const progress = screen.progress;
  ui["wait-progress"].hidden = !progress;
  if (!progress) return;
  const [bar, numbers] = ui["wait-progress"].children;
  bar.firstChild.style.width = `${Math.min(100, (100 * progress.done) / progress.total)}%`;
  numbers.textContent = `${progress.done} of ${progress.total}`;
}

export function drawProgress(ui, screen) {
  const { round, mine } = screen;
  ui.progress.hidden = !round;
  if (!round) return;
  ui.round.replaceChildren(`Round ${round.number}: `, el("b", {}, `${round.ratings}`), ` of ${round.quota} ratings`);
  ui.mine.replaceChildren("You today: ", el("b", {}, `${mine.today}`));
  const share = Math.min(100, (100 * round.ratings) / Math.max(1, round.quota));
  ui.bar.setAttribute("aria-valuenow", Math.round(share));
  ui.bar.setAttribute("aria-valuetext", `${round.ratings} of ${round.quota}`);
  ui.bar.firstChild.style.width = `${share}%`;
}

export function said(given) {
  return given.verdict === "rated" ? `${given.mark} – ${given.words}` : given.words;
}
