// What is told above the card: trouble with the connection, guidelines that have changed, what the model has learned.

import { el } from "./dom.js";
import { call } from "./net.js";
import { drawNews, showGuidelines } from "./dialogs.js";

export class Notices {
  constructor(ui) {
    Object.assign(this, { ui, shelf: null, trouble: "", guidelines: "" });
  }

  // The connection's trouble goes before news about the guidelines.
  draw() {
    const { banner } = this.ui;
    const sentence = this.trouble || this.guidelines;
    banner.hidden = !sentence;
    if (banner.firstChild?.textContent === sentence) return; // an alert is read out each time it is written
    banner.replaceChildren(sentence);
    if (sentence && !this.trouble) {
      const read = el("button", { type: "button", className: "rl-link" }, "Read them");
      read.dataset.act = "guidelines";
      banner.append(read);
    }
  }

  offline(sentence) {
    this.trouble = sentence;
    this.draw();
  }

  // At every answer of the server: guidelines may change while somebody rates.
  compare(version) {
    const read = this.shelf.get("guidelines");
    if (read === null) this.guidelines = "New here? The guidelines say what a good answer is.";
    else this.guidelines = Number(read) < version ? "The guidelines have changed." : "";
    this.draw();
  }

  async readGuidelines() {
    const version = await showGuidelines(this.ui["guidelines-dialog"]);
    this.shelf.put("guidelines", version);
    this.compare(version);
    return version;
  }

  // Once a version, until it is read.
  async tellNews() {
    const { shelf } = this;
    try {
      const { news } = await call("/api/news");
      const read = Number(shelf.get("news") || 0);
      drawNews(this.ui.news, news && news.version > read ? news : null, () => {
        shelf.put("news", news.version);
        drawNews(this.ui.news, null);
      });
    } catch {
      // It is told the next time the page asks.
    }
  }
}
