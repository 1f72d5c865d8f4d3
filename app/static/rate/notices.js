// Notices above the card: trouble with the connection, guidelines that have changed, what the model has learned.

import { el } from "./dom.js";
import { call } from "./api.js";
import { drawNews, showGuidelines } from "./dialogs.js";

export class Notices {
  constructor(ui) {
    Object.assign(this, { ui, storage: null, connectionTrouble: "", guidelinesNotice: "" });
  }

  // The connection's trouble goes before news about the guidelines.
  draw() {
    const { banner } = this.ui;
    const sentence = this.connectionTrouble || this.guidelinesNotice;
    banner.hidden = !sentence;
    if (banner.firstChild?.textContent === sentence) return; // an alert is read out each time it is written
    banner.replaceChildren(sentence);
    if (sentence && !this.connectionTrouble) {
      const link = el("button", { type: "button", className: "rl-link" }, "Read them");
      link.dataset.act = "guidelines";
      banner.append(link);
    }
  }

  setConnectionTrouble(sentence) {
    this.connectionTrouble = sentence;
    this.draw();
  }

  // At every answer of the server: guidelines may change while somebody rates.
  checkGuidelines(version) {
    const readVersion = this.storage.get("guidelines");
    if (readVersion === null) this.guidelinesNotice = "New here? The guidelines say what a good answer is.";
    else this.guidelinesNotice = Number(readVersion) < version ? "The guidelines have changed." : "";
    this.draw();
  }

  async openGuidelines() {
    const version = await showGuidelines(this.ui["guidelines-dialog"]);
    this.storage.set("guidelines", version);
    this.checkGuidelines(version);
    return version;
  }

  // Once a version, until it is read. And a line on this rater's own consistency, which is counted when a page is loaded.
  async loadNews() {
    const { storage } = this;
    try {
      const { news, consistency } = await call("api/news");
      this.ui.consistency.textContent = consistency || "";
      const readVersion = Number(storage.get("news") || 0);
      drawNews(this.ui.news, news && news.version > readVersion ? news : null, () => {
        storage.set("news", news.version);
        drawNews(this.ui.news, null);
      });
    } catch {
      // The page asks again with the next round.
    }
  }
}
