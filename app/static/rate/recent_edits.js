// The better answers to one of the last ten: what was written, with buttons to change it and to take it back.

import { el } from "./dom.js";
import { call } from "./api.js";

// `edit` opens the editor of a response and is given what to call with the better answer that is stored then.
export function recentEdits(entry, asks, edit, onFailed) {
  const node = el("div", { className: "rate-own-edits" });
  const draw = () => {
    const shown = entry.edits.filter((one) => one.text !== null || (one.editable && asks.edits));
    node.replaceChildren(...shown.map((one) => line(one, entry, { draw, edit, onFailed })));
    node.hidden = !shown.length;
  };
  draw();
  return node;
}

function line(one, entry, { draw, edit, onFailed }) {
  const which = entry.other === null ? "" : one === entry.edits[0] ? "First: " : "Second: ";
  const about = `to: ${which}${entry.prompt}`;
  const store = (stored) => {
    Object.assign(one, { edit_id: stored?.edit_id ?? null, text: stored?.text ?? null });
    draw();
  };
  const button = (label, act) => el("button", { type: "button", className: "rl-link", "aria-label": `${label} ${about}`, on: { click: act } }, label);
  const attempt = async (what) => {
    try {
      await what();
    } catch (error) {
      onFailed(error.message || "The server cannot be reached.");
    }
  };
  const change = () => attempt(() => edit(one.response_id, entry.prompt, store));
  if (one.text === null) return el("div", {}, which, button("Write a better answer", change));
  const takeBack = () => attempt(async () => (await call("api/edits/take-back", { edit_id: one.edit_id }), store(null)));
  const buttons = one.editable ? [button("Change", change), button("Take back", takeBack)] : [];
  return el("div", {}, el("span", {}, `${which}Your better answer: `), el("q", { dir: "auto" }, one.text), ...buttons);
}
