// The dialogs of keys and guidelines, and the news of a new version.

import { continuationBlock, el, textBlock } from "./dom.js";
import { call } from "./api.js";

export function openDialog(dialog, id, title, ...body) {
  const close = el("button", { type: "button", className: "rl-link", on: { click: () => dialog.close() } }, "Close ", el("kbd", {}, "Esc"));
  dialog.replaceChildren(el("header", {}, el("h2", { id }, title), close), ...body);
  if (!dialog.open) dialog.showModal();
}

function keyRow(keys, label, hint) {
  const names = keys.map((key) => el("kbd", {}, key));
  return [el("dt", {}, ...names.flatMap((name, i) => (i ? [" ", name] : [name]))), el("dd", {}, label, hint ? el("small", {}, hint) : null)];
}

export function showKeys(dialog, scale, storage, asks) {
  const list = el("dl", { className: "rate-keys" });
  list.append(...scale.points.filter((p) => p.key).flatMap((p) => keyRow([p.key], `${p.mark} – ${p.words}`)), el("div", { className: "gap" }));
  list.append(...scale.verdicts.flatMap((v) => keyRow([v.key.toUpperCase()], v.label, v.meaning)), el("div", { className: "gap" }));
  list.append(
    ...keyRow(["Backspace"], "Undo the last one"),
    ...keyRow(["R"], "Look at the last ten and change them"),
    ...keyRow(["M"], "Say more: qualities, flags, a comment (Esc leaves them)"),
    ...(asks.edits ? keyRow(["E"], "Write a better answer than this response", scale.paired ? "Shift E: than the second" : "") : []),
    ...keyRow(["T"], "Show a formatted response as raw text, and back"),
    ...keyRow(["I"], "What the model was told, where it was told something"),
    ...keyRow(["G"], "Guidelines"),
    ...keyRow(["?"], "This list")
  );
  const enter = el("input", { type: "checkbox", checked: storage.get("enter") === "true" });
  enter.addEventListener("change", () => storage.set("enter", String(enter.checked)));
  const setting = el("label", { className: "rate-setting" }, enter, " Save only when I press Enter after a key");
  openDialog(dialog, "rate-keys-title", "Points and keys", list, setting);
}

export async function showGuidelines(dialog) {
  const { version, html } = await call("api/guidelines");
  // The operator's Markdown, cleaned by the server (see app/safe_html.py); parsed apart, where nothing runs or loads.
  const parsed = new DOMParser().parseFromString(html, "text/html").body.childNodes;
  const text = el("div", { className: "rate-prose", dir: "auto" }, ...parsed);
  openDialog(dialog, "rate-guidelines-title", "Guidelines", text, el("p", { className: "rl-quiet" }, `Version ${version}`));
  return version;
}

// It asks nothing: both answers are there to be read, keys rate beneath them, and `onRead` is for who wants them gone.
export function drawNews(node, news, onRead) {
  node.hidden = !news;
  if (!news) return node.replaceChildren();
  const { round, ratings, yours, version, sample } = news;
  const ownRatings = yours ? `${yours} of them yours` : "none of them yours yet";
  const hide = el("button", { type: "button", className: "rl-link", on: { click: onRead } }, "Hide");
  const summary = el("p", {}, el("b", {}, `The model has learned: version ${version}. `), el("span", {}, `Round ${round} used ${ratings} ratings, ${ownRatings}.`));
  const title = sample && !sample.continuation ? el("h2", { dir: "auto" }, sample.prompt) : null;
  const comparison = sample && el("details", { open: true }, el("summary", {}, title ? "Before and after: " : "One answer before and after", title));
  if (comparison) {
    // An answer that is longer than its box scrolls, by keys too
    const side = (name, text) => {
      const answer = sample.continuation ? continuationBlock(sample.prompt, text) : textBlock(text);
      answer.tabIndex = 0;
      return el("div", {}, el("h3", {}, name), answer);
    };
    comparison.append(el("div", { className: "rate-sides" }, side("Before", sample.before), side("After", sample.after)));
  }
  node.replaceChildren(el("header", {}, summary, hide), ...(comparison ? [comparison] : []));
}
