// Notices above the card: trouble with the connection, guidelines that have changed, what the model has learned.

import { el } from "./dom.js";
import { call } from "./api.js";
import { drawNews, showGuidelines } from "./dialogs.js";

const NEWS_CARDS = 3; // that are rated beneath news before it goes by itself

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

  // Once a version, for a few cards or until it is hidden. And a line on this rater's own consistency, which is counted when a page is loaded.
  async loadNews() {
    const { storage } = this;
    try {
      const { news, consistency } = await call("api/news");
      this.ui.consistency.textContent = consistency || "";
      const readVersion = Number(storage.get("news") || 0);
      this.newsVersion = news && news.version > readVersion ? news.version : null;
      this.cardsBeneath = 0;
      drawNews(this.ui.news, this.newsVersion && news, () => this.hideNews());
    } catch {
      // The page asks again with the next round.
    }
  }

  hideNews() {
    this.storage.set("news", this.newsVersion);
    this.newsVersion = null;
    drawNews(this.ui.news, null);
  }

  onRated() {
    if (!this.newsVersion) return;
    this.ui.news.querySelector("details")?.removeAttribute("open"); // the answer to rate gets the height
    if (++this.cardsBeneath >= NEWS_CARDS) this.hideNews();
  }
}
