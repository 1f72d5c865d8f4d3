// Small DOM helpers. Text only ever enters the page as text: there is no innerHTML in this folder.

export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name === "on") for (const [event, handler] of Object.entries(value)) node.addEventListener(event, handler);
    else if (name in node && name !== "role") node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

export function parts(root) {
  const found = {};
  for (const node of root.querySelectorAll("[data-part]")) found[node.dataset.part] = node;
  return found;
}

export function textBlock(text, more = "") {
  return el("div", { className: `rate-text ${more}`, dir: "auto" }, text);
}

// A text and how the model went on with it, as one: blanks and line breaks as they are, what was given is quieter.
export function continuationNodes(given, text) {
  const seam = el("span", { className: "rl-hidden-text" }, " The model goes on: ");
  const own = text.trim() ? el("span", {}, text) : el("em", {}, " (the model wrote nothing)");
  return [el("span", { className: "rate-given-text" }, given), seam, own];
}

export function continuationBlock(given, text) {
  const node = textBlock("");
  node.replaceChildren(...continuationNodes(given, text));
  return node;
}

export function newKey() {
  // randomUUID is only there over HTTPS or on localhost.
  if (crypto.randomUUID) return crypto.randomUUID();
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
}
