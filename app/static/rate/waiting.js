// What is on screen while there is no card: why, how far it is, and when the next one is there.

const OVERDUE = 60000; // milliseconds beyond what is usual, from which on that is said

export class Waiting {
  constructor(ui) {
    Object.assign(this, { ui, readyAt: null });
  }

  draw(screen) {
    const { ui } = this;
    ui.wait.hidden = Boolean(screen.card);
    this.promise(screen.card ? null : screen.next_card);
    if (screen.card) return;
    ui["wait-title"].textContent = screen.title;
    ui["wait-why"].textContent = screen.why;
    const { progress, next_card: next } = screen;
    const sentences = next ? [this.leftInWords(), next.usually] : [];
    ui["wait-next"].textContent = sentences.filter(Boolean).join(" ");
    ui["wait-progress"].hidden = !progress;
    if (!progress) return;
    const [bar, numbers] = ui["wait-progress"].children;
    bar.firstChild.style.width = `${Math.min(100, (100 * progress.done) / progress.total)}%`;
    // Two times that are left, of this part and of all, would be read as one: then the part alone is named
    const left = this.readyAt === null ? progress.left : progress.left.split(": ")[0];
    numbers.textContent = `${progress.done} of ${progress.total}${left ? ` \u00b7 ${left}` : ""}`;
  }

  // What was promised only comes nearer: an estimate that has grown is not told, and in the end that it takes longer.
  promise(next) {
    const left = next?.left_s ?? null;
    if (left === null) this.readyAt = null;
    else this.readyAt = Math.min(this.readyAt ?? Infinity, Date.now() + 1000 * left);
  }

  leftInWords() {
    if (this.readyAt === null) return "";
    const left = this.readyAt - Date.now();
    if (left < -OVERDUE) return "This takes longer than usual.";
    if (left < 10000) return "The next card is there any moment.";
    const minutes = Math.round(left / 60000);
    const words = left < 90000 ? `${10 * Math.ceil(left / 10000)} seconds` : minutes < 90 ? `${minutes} minutes` : `${Math.round(minutes / 60)} hours`;
    return `The next card is there in about ${words}.`;
  }
}
