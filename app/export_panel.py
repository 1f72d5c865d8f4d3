"""The console's form for exports, and the script that fetches the file and says how that goes."""

from __future__ import annotations

from app.panels import h

FORMATS = {
    "ratings": "Every rating, with its lineage",
    "preference": "Pairs: prompt, chosen, rejected",
    "prompt-completion": "Texts with their score",
    "unpaired": "Texts, good or not",
    "helpsteer": "Further qualities, HelpSteer's columns",
}
FORMS = {
    "jsonl": "JSON lines",
    "csv": "CSV for spreadsheets",
    "parquet": "Parquet",
    "dataset": "Dataset for the hub, with its card (ZIP)",
}
SENTENCE = (
    "People appear by pseudonym. The same files as from `python -m rater_data export`; "
    "docs/exports.md tells the columns."
)
SPLITS = {"": "All prompts", "train": "Prompts for training", "holdout": "Prompts never trained on"}

SCRIPT = """
element.addEventListener('submit', async (event) => {
  event.preventDefault();
  const form = event.target, told = form.querySelector('[data-told]'), button = form.querySelector('button');
  const asked = [...new FormData(form)].filter(([, value]) => value !== '');
  button.disabled = true;
  told.textContent = 'Being written … a large home takes a minute.';
  try {
    const answer = await fetch(`${form.getAttribute('action')}?${new URLSearchParams(asked)}`);
    if (!answer.ok) {
      told.textContent = (await answer.json()).error;
    } else {
      const name = /filename="([^"]+)"/.exec(answer.headers.get('content-disposition'))[1];
      const link = document.createElement('a');
      link.href = URL.createObjectURL(await answer.blob());
      link.download = name;
      link.click();
      URL.revokeObjectURL(link.href);
      told.textContent = `${name} is in your downloads.`;
    }
  } catch {
    told.textContent = 'The server cannot be reached just now: try again.';
  }
  button.disabled = false;
});
"""


def exports() -> str:
    """A form that asks /api/export, which checks the role."""
    return (
        '<form class="ops-export rl-panel" method="get" action="/api/export">'
        f"{chosen('format', 'What', FORMATS)}{chosen('as', 'In which form', FORMS)}{chosen('split', 'Of', SPLITS)}"
        f"{ticked('same_rater', 'Pairs of the same rater only')}{ticked('ties', 'Ties too')}"
        f"{ticked('conversational', 'As chats')}"
        '<button class="rl-button rl-primary">Download</button>'
        '<p class="rl-quiet" role="status" data-told></p></form>'
    )


def chosen(name: str, label: str, options: dict[str, str]) -> str:
    rows = "".join(f'<option value="{h(value)}">{h(words)}</option>' for value, words in options.items())
    return f'<label><span>{h(label)}</span><select name="{h(name)}">{rows}</select></label>'


def ticked(name: str, label: str) -> str:
    return f'<label class="tick"><input type="checkbox" name="{h(name)}" value="true"> {h(label)}</label>'
