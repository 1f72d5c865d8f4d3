"""The console's form for exports, and the script that fetches the file and says how that goes."""

from __future__ import annotations

from app.console.panels.training_panels import h
from app.exports.labels import (
    FILE_TYPE_LABELS,
    FORMAT_LABELS,
    OPTION_FORMATS,
    OPTION_LABELS,
    SPLIT_LABELS,
)

SENTENCE = (
    "People appear by pseudonym. The command line gives the same files (python -m rater_data export); "
    "docs/exports.md tells the columns."
)
SCRIPT = """
const form = element.querySelector('form'), told = form.querySelector('[data-told]');
const button = form.querySelector('button');
const fit = () => {
  for (const field of form.querySelectorAll('[data-for]')) {
    field.hidden = !field.dataset.for.split(' ').includes(form.elements.format.value);
    field.querySelector('input').disabled = field.hidden;
  }
};
const asked = async (path, init) => {
  const answer = await fetch(path, init), found = await answer.json();
  if (!answer.ok) throw new Error(found.error);
  return found;
};
const number = (n) => n.toLocaleString('en');
form.addEventListener('change', fit);
fit();
form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const options = new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== ''));
  const said = (words) => { told.textContent = words; };
  button.disabled = true;
  said('Being written …');
  try {
    const place = `/api/exports/${(await asked(`/api/exports?${options}`, { method: 'POST' })).export}`;
    let now = await asked(place);
    while (now.state === 'writing') {
      if (now.rows) said(`Being written: ${number(now.rows)}${now.of ? ` of ${number(now.of)}` : ''} rows …`);
      await new Promise((done) => setTimeout(done, 500));
      now = await asked(place);
    }
    if (now.error) throw new Error(now.error);
    const link = document.createElement('a');
    link.href = `${place}/file`;
    link.download = now.name;
    link.click();
    said(`${now.name}, ${number(now.rows)} rows, goes to your downloads.`);
  } catch (error) {
    said(error instanceof TypeError ? 'The server cannot be reached just now: try again.' : error.message);
  }
  button.disabled = false;
});
"""


def exports() -> str:
    """A form that asks /api/exports, which checks the role."""
    more = (
        f"{typed('round', 'number', 'min=0 step=1')}{typed('since', 'date')}"
        f"{typed('min_margin', 'number', 'min=0 step=any')}{typed('threshold', 'number', 'step=any')}"
        f"{ticked('same_rater')}{ticked('ties')}{ticked('conversational')}"
    )
    return (
        '<form class="ops-export rl-panel" method="get" action="/api/export">'
        f"{chosen('format', 'What', FORMAT_LABELS)}{chosen('as', 'In which form', FILE_TYPE_LABELS)}"
        f"{chosen('split', 'Of', SPLIT_LABELS)}"
        f'<details><summary>More</summary><div class="more">{more}</div></details>'
        '<button class="rl-button rl-primary">Download</button>'
        '<p class="rl-quiet" role="status" data-told></p></form>'
    )


def chosen(name: str, label: str, options: dict[str, str]) -> str:
    rows = "".join(f'<option value="{h(value)}">{h(words)}</option>' for value, words in options.items())
    return f'<label><span>{h(label)}</span><select name="{h(name)}">{rows}</select></label>'


def typed(name: str, kind: str, limits: str = "") -> str:
    words = h(OPTION_LABELS[name])
    return f'<label{fits(name)}><span>{words}</span><input type="{kind}" name="{name}" {limits}></label>'


def ticked(name: str) -> str:
    return (
        f'<label class="tick"{fits(name)}><input type="checkbox" name="{name}" value="true"> '
        f"{h(OPTION_LABELS[name])}</label>"
    )


def fits(name: str) -> str:
    return f' data-for="{OPTION_FORMATS[name]}"' if name in OPTION_FORMATS else ""
