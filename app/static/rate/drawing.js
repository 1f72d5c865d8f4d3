// Draws what the server answered. Knows nothing of the network.

import { continuationNodes, el, textBlock } from "./dom.js";

export function drawScale(ui, scale, onChoose) {
  const [low, word, high] = ui.words.children;
  const show = (text) => () => (word.textContent = text);
  ui.scale.style.setProperty("--points", scale.points.length);
  for (const point of scale.points) {
    const label = `${point.mark} – ${point.words}`;
    const hover = { mouseenter: show(label), focus: show(label), mouseleave: show(""), blur: show("") };
    const button = el("button", { type: "button", "aria-label": point.key ? `${label}, key ${point.key}` : label, on: hover }, point.mark);
    if (point.key && point.mark !== String(point.score)) button.append(" ", el("kbd", {}, point.key));
    button.dataset.score = point.score;
    button.addEventListener("click", (event) => onChoose({ score: point.score, verdict: "rated" }, event, button));
    ui.scale.append(button);
  }
  const [bottom, top] = [scale.points[0], scale.points.at(-1)];
  const numbered = bottom.mark === String(bottom.score);
  low.textContent = numbered ? `${bottom.mark} – ${bottom.words}` : bottom.words;
  high.textContent = numbered ? `${top.mark} – ${top.words} ` : top.words;
  if (numbered && top.key !== String(top.score)) high.append(el("kbd", {}, top.key));
  for (const verdict of scale.verdicts) {
    const button = el("button", { type: "button", className: "rl-button", title: verdict.meaning }, verdict.label, " ");
    button.append(el("kbd", {}, verdict.key.toUpperCase()));
    button.dataset.verdict = verdict.name;
    button.addEventListener("click", (event) => onChoose({ score: null, verdict: verdict.name }, event, button));
    ui.others.append(button);
  }
  const more = el("button", { type: "button", className: "rl-button rate-details-button" }, "Say more ", el("kbd", {}, "M"));
  more.dataset.act = "details";
  more.setAttribute("aria-expanded", "false");
  ui.others.append(more);
  if (scale.paired) ui.scale.setAttribute("aria-label", "Which response is better?");
}

// `raw`: the characters as the model wrote them; else as formatted text, where it has any formatting.
export function drawCard(ui, card, raw) {
  ui.card.hidden = !card;
  if (!card) return;
  const turns = card.messages.filter((message) => message.role !== "system");
  ui.prompt.replaceChildren(...(card.system ? [instructions(card.system)] : []), ...(card.continuation ? [] : promptNodes(turns)));
  ui.prompt.hidden = !ui.prompt.children.length;
  const kind = card.continuation ? "Text" : "Response";
  const single = card.of > 1 ? `${kind} ${card.position} of ${card.of}` : kind;
  ui.which.textContent = card.other ? "First" : single;
  ui.second.hidden = !card.other;
  ui.responses.classList.toggle("paired", Boolean(card.other));
  document.body.classList.toggle("rate-wide", Boolean(card.other));
  ui.pips.replaceChildren();
  for (let i = 1; card.of > 1 && card.of <= 12 && i <= card.of; i++) {
    ui.pips.append(el("i", { className: i < card.position ? "done" : i === card.position ? "now" : "" }));
  }
  drawText(ui, card, raw);
  drawEditButtons(ui, card);
  ui.responses.classList.remove("arrives");
  void ui.responses.offsetWidth; // starts the animation anew
  ui.responses.classList.add("arrives");
}

export function drawText(ui, card, raw) {
  const draw = card.continuation ? (node, { text }) => drawContinuation(node, continued(card.messages), text) : drawResponse;
  draw(ui.text, card, raw);
  if (card.other) draw(ui.text2, card.other, raw);
  ui.raw.hidden = !card.html && !card.other?.html;
  ui.raw.replaceChildren(raw ? "Formatted " : "Raw text ", el("kbd", {}, "T"));
  ui.raw.setAttribute("aria-pressed", String(raw));
}

// One for each response shown, where better answers are asked for.
export function drawEditButtons(ui, { edits }) {
  for (const [i, button] of [ui.edit, ui.edit2].entries()) {
    const isWritten = edits[i] && edits[i].edit_id !== null;
    button.hidden = !edits[i];
    button.replaceChildren(isWritten ? "Edited " : "Edit ", el("kbd", {}, i ? "Shift E" : "E"));
    button.title = isWritten ? "Your better answer is saved: change it or take it back" : "Write a better answer than this one";
    button.classList.toggle("written", Boolean(isWritten));
  }
}

function drawResponse(node, { text, html }, raw) {
  const isBlank = !text.trim();
  const isFormatted = Boolean(html) && !raw;
  if (isBlank) node.textContent = "The model wrote nothing.";
  // Cleaned by the server (see app/safe_html.py); parsed apart, where nothing runs or loads.
  else if (isFormatted) node.replaceChildren(...new DOMParser().parseFromString(html, "text/html").body.childNodes);
  else node.textContent = text;
  node.classList.toggle("rate-empty", isBlank);
  node.classList.toggle("rate-prose", isFormatted);
}

function drawContinuation(node, given, text) {
  node.replaceChildren(...continuationNodes(given, text));
  node.classList.remove("rate-empty", "rate-prose");
}

// The text that the model was given to go on with: as it was encoded.
function continued(messages) {
  return messages.map((message) => message.content).join("\n");
}

function instructions(system) {
  const summary = el("summary", {}, "What the model was told ", el("kbd", {}, "I"));
  return el("details", { className: "rate-told" }, summary, textBlock(system));
}

export function toggleInstructions(prompt) {
  const details = prompt.querySelector(".rate-told");
  if (details) details.open = !details.open;
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
      el("h2", { className: "rate-label" }, { user: "Person", assistant: "Model" }[message.role] || message.role),
      textBlock(message.content)
    )
  );
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

// A rating as the scale writes it and says it.
export function ratingLabel({ verdict, mark, words }) {
  return verdict === "rated" ? `${mark} – ${words}` : words;
}

// What is read aloud: what was saved, and the card or why there is none.
export function spoken({ card, title, why }, message) {
  const saved = message ? `${message}. ` : "";
  if (!card) return `${saved}${title}. ${why}`;
  const where = `${card.of > 1 ? `${card.continuation ? "Text" : "Response"} ${card.position} of ${card.of}. ` : ""}${card.continuation ? "The model goes on: " : ""}`;
  const second = card.other ? `. Second: ${card.other.text.slice(0, 4000)}` : "";
  return `${saved}${where}${card.text.slice(0, 4000)}${second}`;
}
