// The panels of keys and guidelines, and the news of a new version.

import { el, textBlock } from "./dom.js";
import { call } from "./net.js";

export function fill(dialog, id, title, ...body) {
  const close = el("button", { type: "button", className: "rl-link", on: { click: () => dialog.close() } }, "Close ", el("kbd", {}, "Esc"));
  dialog.replaceChildren(el("header", {}, el("h2", { id }, title), close), ...body);
  if (!dialog.open) dialog.showModal();
}

function row(keys, what, more) {
  const names = keys.map((key) => el("kbd", {}, key));
  return [el("dt", {}, ...names.flatMap((name, i) => (i ? [" ", name] : [name]))), el("dd", {}, what, more ? el("small", {}, more) : null)];
}

export function showKeys(dialog, scale, shelf) {
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
  const enter = el("input", { type: "checkbox", checked: shelf.get("enter") === "true" });
  enter.addEventListener("change", () => shelf.put("enter", String(enter.checked)));
  const asks = el("label", { className: "rate-setting" }, enter, " Save only when I press Enter after a key");
  fill(dialog, "rate-keys-title", "Points and keys", list, asks);
}

export async function showGuidelines(dialog) {
  const { version, html } = await call("/api/guidelines");
  // The operator's Markdown, cleaned by the server (see app/safe_html.py); parsed apart, where nothing runs or loads.
  const parsed = new DOMParser().parseFromString(html, "text/html").body.childNodes;
  const text = el("div", { className: "rate-prose", dir: "auto" }, ...parsed);
  fill(dialog, "rate-guidelines-title", "Guidelines", text, el("p", { className: "rl-quiet" }, `Version ${version}`));
  return version;
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
