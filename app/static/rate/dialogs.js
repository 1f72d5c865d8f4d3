// The dialogs of keys and guidelines, and the news of a new version.

import { continuationBlock, el, textBlock } from "./dom.js";
import { call } from "./api.js";

export function openDialog(dialog, id, title, ...body) {
  const close = el("button", { type: "button", className: "rl-link", on: { click: () => dialog.close() } }, "Close ", el("kbd", {}, "Esc"));
  dialog.replaceChildren(el("header", {}, el("h2", { id }, title), close), ...body);
  if (dialog.open) return;
  dialog.showModal();
  rememberForBack(dialog);
}

const openDialogs = []; // the one on top last
let depth = history.state?.dialogs ?? 0; // of dialogs, at the entry of the browser's history that is shown

// Back closes the dialog on top and leaves the page only where none is open. A dialog that was closed otherwise leaves its
// entry to the next one: to go back at once would meet a dialog that a quick hand has opened meanwhile.
function rememberForBack(dialog) {
  forgetClosed();
  openDialogs.push(dialog);
  if (depth >= openDialogs.length) return;
  depth = openDialogs.length;
  history.pushState({ ...history.state, dialogs: depth }, "");
}

function forgetClosed() {
  openDialogs.splice(0, openDialogs.length, ...openDialogs.filter((dialog) => dialog.open));
}

addEventListener("popstate", ({ state }) => {
  const before = depth;
  depth = state?.dialogs ?? 0;
  forgetClosed();
  const closing = openDialogs.splice(depth).reverse();
  for (const dialog of closing) dialog.close();
  // an entry that had no dialog any more; within this event some browsers forget that they were asked
  if (depth < before && !closing.length) setTimeout(() => history.back());
});

function keyRow(keys, label, hint) {
  const names = keys.map((key) => el("kbd", {}, key));
  return [el("dt", {}, ...names.flatMap((name, i) => (i ? [" ", name] : [name]))), el("dd", {}, label, hint ? el("small", {}, hint) : null)];
}

export function showKeys(dialog, scale, storage, asks) {
  const list = el("dl", { className: "rate-keys" });
  const keysOnly = el("dl", { className: "rate-keys rate-keys-only" }); // a finger has buttons for what they do
  list.append(...scale.points.filter((p) => p.key).flatMap((p) => keyRow([p.key], `${p.mark} – ${p.words}`)), el("div", { className: "gap" }));
  list.append(...scale.verdicts.flatMap((v) => keyRow([v.key.toUpperCase()], v.label, v.meaning)));
  keysOnly.append(
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
  const setting = el("label", { className: "rate-setting rate-keys-only" }, enter, " Save only when I press Enter after a key");
  openDialog(dialog, "rate-keys-title", el("span", {}, "Points", el("span", { className: "rate-keys-only" }, " and keys")), list, keysOnly, setting);
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
