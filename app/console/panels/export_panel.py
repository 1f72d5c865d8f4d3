"""The form for exports, and the script that fetches the file and says how that goes."""

from __future__ import annotations

from app.console.panels.elements import h
from rater_data.exporting.file_types import FILE_TYPES
from rater_data.exporting.formats.options import EXPORT_OPTIONS, ExportOption
from rater_data.exporting.formats.table import EXPORT_FORMATS, formats_with

SPLIT_LABELS = {"": "All prompts", "train": "Prompts for training", "holdout": "Prompts never trained on"}
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
    const address = `../api/exports/${(await request(`../api/exports?${options}`, { method: 'POST' })).export}`;
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
    formats = {format.name: format.label for format in EXPORT_FORMATS.values()}
    file_types = {file_type.name: file_type.label for file_type in FILE_TYPES.values()}
    # what is typed first, what is ticked after it
    options = sorted(EXPORT_OPTIONS.values(), key=lambda option: option.kind == "flag")
    return (
        '<form class="ops-export rl-panel" method="get" action="../api/export">'
        f"{_select('format', 'What', formats)}{_select('as', 'In which form', file_types)}"
        f"{_select('split', 'Of', SPLIT_LABELS)}"
        f'<details><summary>More</summary><div class="more">{"".join(map(_option, options))}</div></details>'
        '<button class="rl-button rl-primary">Download</button>'
        '<p class="rl-quiet" role="status" data-status></p></form>'
    )


def _select(name: str, label: str, options: dict[str, str]) -> str:
    rows = "".join(f'<option value="{h(value)}">{h(words)}</option>' for value, words in options.items())
    return f'<label><span>{h(label)}</span><select name="{h(name)}">{rows}</select></label>'


def _option(option: ExportOption) -> str:
    """The field of an option; `data-for` are the formats that it is for: of the others the script hides it."""
    formats = formats_with(option.name)
    only_for = f' data-for="{" ".join(formats)}"' if formats else ""
    if option.kind == "flag":
        checkbox = f'<input type="checkbox" name="{option.name}" value="true">'
        return f'<label class="tick"{only_for}>{checkbox} {h(option.label)}</label>'
    minimum = "" if option.minimum is None else f"min={option.minimum} "
    attributes = {
        "whole number": f'type="number" name="{option.name}" {minimum}step=1',
        "number": f'type="number" name="{option.name}" {minimum}step=any',
        "date": f'type="date" name="{option.name}" ',
    }[option.kind]
    return f"<label{only_for}><span>{h(option.label)}</span><input {attributes}></label>"
