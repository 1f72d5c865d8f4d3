"""The form for exports, and the script that fetches the file and says how that goes."""

from __future__ import annotations

from app.console.panels.elements import h
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
const form = element.querySelector('form'), status = form.querySelector('[data-status]');
const button = form.querySelector('button');
const showOptions = () => {
  for (const field of form.querySelectorAll('[data-for]')) {
    field.hidden = !field.dataset.for.split(' ').includes(form.elements.format.value);
    field.querySelector('input').disabled = field.hidden;
  }
};
const request = async (path, init) => {
  const response = await fetch(path, init), body = await response.json();
  if (!response.ok) throw new Error(body.error);
  return body;
};
const number = (n) => n.toLocaleString('en');
form.addEventListener('change', showOptions);
showOptions();
form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const options = new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== ''));
  const say = (words) => { status.textContent = words; };
  button.disabled = true;
  say('Being written …');
  try {
    const address = `/api/exports/${(await request(`/api/exports?${options}`, { method: 'POST' })).export}`;
    let now = await request(address);
    while (now.state === 'writing') {
      if (now.rows) say(`Being written: ${number(now.rows)}${now.of ? ` of ${number(now.of)}` : ''} rows …`);
      await new Promise((done) => setTimeout(done, 500));
      now = await request(address);
    }
    if (now.error) throw new Error(now.error);
    const link = document.createElement('a');
    link.href = `${address}/file`;
    link.download = now.name;
    link.click();
    say(`${now.name}, ${number(now.rows)} rows, goes to your downloads.`);
  } catch (error) {
    say(error instanceof TypeError ? 'The server cannot be reached just now: try again.' : error.message);
  }
  button.disabled = false;
});
"""


def export_form() -> str:
    """A form that asks /api/exports, which checks the role."""
    options = (
        f"{_input('round', 'number', 'min=0 step=1')}{_input('since', 'date')}"
        f"{_input('min_margin', 'number', 'min=0 step=any')}{_input('threshold', 'number', 'step=any')}"
        f"{_checkbox('same_rater')}{_checkbox('ties')}{_checkbox('conversational')}"
    )
    return (
        '<form class="ops-export rl-panel" method="get" action="/api/export">'
        f"{_select('format', 'What', FORMAT_LABELS)}{_select('as', 'In which form', FILE_TYPE_LABELS)}"
        f"{_select('split', 'Of', SPLIT_LABELS)}"
        f'<details><summary>More</summary><div class="more">{options}</div></details>'
        '<button class="rl-button rl-primary">Download</button>'
        '<p class="rl-quiet" role="status" data-status></p></form>'
    )


def _select(name: str, label: str, options: dict[str, str]) -> str:
    rows = "".join(f'<option value="{h(value)}">{h(words)}</option>' for value, words in options.items())
    return f'<label><span>{h(label)}</span><select name="{h(name)}">{rows}</select></label>'


def _input(name: str, kind: str, limits: str = "") -> str:
    label = h(OPTION_LABELS[name])
    return f'<label{_formats(name)}><span>{label}</span><input type="{kind}" name="{name}" {limits}></label>'


def _checkbox(name: str) -> str:
    return (
        f'<label class="tick"{_formats(name)}><input type="checkbox" name="{name}" value="true"> '
        f"{h(OPTION_LABELS[name])}</label>"
    )


def _formats(name: str) -> str:
    """The formats that an option is for, where the script finds them; of the others it is not shown."""
    return f' data-for="{OPTION_FORMATS[name]}"' if name in OPTION_FORMATS else ""
