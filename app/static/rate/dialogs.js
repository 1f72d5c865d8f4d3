// The three panels: keys, guidelines, the last ten; and the news of a new version.

import { el, recall, remember, textBlock } from "./dom.js";
import { call } from "./net.js";
import { said } from "./card.js";

function fill(dialog, id, title, ...body) {
  const close = el("button", { type: "button", className: "rl-link", on: { click: () => dialog.close() } }, "Close ", el("kbd", {}, "Esc"));
  dialog.replaceChildren(el("header", {}, el("h2", { id }, title), close), ...body);
  if (!dialog.open) dialog.showModal();
}

function row(keys, what, more) {
  const names = keys.map((key) => el("kbd", {}, key));
  return [el("dt", {}, ...names.flatMap((name, i) => (i ? [" ", name] : [name]))), el("dd", {}, what, more ? el("small", {}, more) : null)];
}

export function showKeys(dialog, scale) {
  const list = el("dl", { className: "rate-keys" });
  list.append(...scale.points.flatMap((p) => row([p.key], `${p.mark} – ${p.words}`)), el("div", { className: "gap" }));
  list.append(...scale.verdicts.flatMap((v) => row([v.key.toUpperCase()], v.label, v.meaning)), el("div", { className: "gap" }));
  list.append(
    ...row(["Backspace"], "Undo the last one"),
    ...row(["R"], "Look at the last ten and change them"),
    ...row(["M"], "Say more: qualities, flags, a comment (Esc leaves them)"),
    ...row(["T"], "Show a formatted response as raw text, and back"),
    ...row(["G"], "Guidelines"),
    ...row(["?"], "This list")
  );
  const enter = el("input", { type: "checkbox", checked: recall("enter") === "true" });
  enter.addEventListener("change", () => remember("enter", String(enter.checked)));
  const asks = el("label", { className: "rate-setting" }, enter, " Save only when I press Enter after a key");
  fill(dialog, "rate-keys-title", "Keys", asks, list);
}

export async function showGuidelines(dialog) {
  const { version, html } = await call("/api/guidelines");
  // The operator's Markdown, cleaned by the server (see app/markup.py); parsed apart, where nothing runs or loads.
  const parsed = new DOMParser().parseFromString(html, "text/html").body.childNodes;
  const text = el("div", { className: "rate-prose", dir: "auto" }, ...parsed);
  fill(dialog, "rate-guidelines-title", "Guidelines", text, el("p", { className: "rl-quiet" }, `Version ${version}`));
  return version;
}

export async function showRecent(dialog, scale, onChanged) {
  const { recent } = await call("/api/recent");
  const list = el("ul", { className: "rate-list" });
  for (const entry of recent) list.append(recentRow(entry, scale, onChanged));
  const none = recent.length ? null : el("p", { className: "rl-quiet" }, "You have not rated anything yet.");
  fill(dialog, "rate-recent-title", "Your last ten", none || list);
}

function recentRow(entry, scale, onChanged) {
  const note = el("small", { role: "status" }, entry.editable ? "" : `${said(entry)}. Round ${entry.round} is closed, so it stays.`);
  const answer = el("select", { disabled: !entry.editable, "aria-label": `Rating of the answer to: ${entry.prompt}` });
  for (const p of scale.points) answer.append(new Option(`${p.mark} – ${p.words}`, p.score));
  for (const v of scale.verdicts) answer.append(new Option(v.label, v.name));
  answer.value = entry.verdict === "rated" ? entry.score : entry.verdict;
  let { rating_id } = entry;
  answer.addEventListener("change", async () => {
    const scored = scale.points.some((p) => String(p.score) === answer.value);
    const body = { rating_id, comment: entry.comment, ...(scored ? { score: Number(answer.value) } : { verdict: answer.value }) };
    try {
      const { saved } = await call("/api/revise", body);
      rating_id = saved.rating_id;
      note.textContent = `Changed to ${said(saved)}.`;
      onChanged();
    } catch (error) {
      note.textContent = error.message || "The server cannot be reached: nothing was changed.";
    }
  });
  const texts = entry.other === null ? [entry.text] : [`First: ${entry.text}`, `Second: ${entry.other}`];
  const about = el("div", {}, el("strong", { dir: "auto" }, entry.prompt), ...texts.map((text) => textBlock(text)));
  return el("li", {}, about, answer, note);
}

export function drawNews(place, news, onRead) {
  place.hidden = !news;
  if (!news) return place.replaceChildren();
  const { round, ratings, yours, version, sample } = news;
  const own = yours ? `${yours} of them yours` : "none of them yours yet";
  const close = el("button", { type: "button", className: "rl-link", on: { click: onRead } }, "Got it");
  const said = el("p", {}, el("b", {}, `The model has learned: version ${version}. `), `Round ${round} used ${ratings} ratings, ${own}.`);
  const answers = sample && el("details", {}, el("summary", {}, "One answer before and after"), el("h3", { dir: "auto" }, sample.prompt));
  if (answers) {
    const side = (name, text) => el("div", {}, el("h4", {}, name), textBlock(text));
    answers.append(el("div", { className: "rate-sides" }, side("Before", sample.before), side("After", sample.after)));
  }
  place.replaceChildren(el("header", {}, said, close), ...(answers ? [answers] : []));
}
