"""The page that follows the store. A part of it is registered once, where it is laid out: name, component, content.

One timer asks every two seconds. The page sends back the fingerprints of what it shows, and only what changed is sent
again, so nothing flickers and nothing is kept on the server for a page. Every handler asks the guard.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import gradio as gr

from app.access.auth import Guard
from app.console.forms.toolkit import DIRECT, Action, action_handler, html, require_operator
from app.console.state.console_state import ConsoleCaches, ConsoleState
from app.console.state.round_verdicts import RoundVerdicts
from app.trainer.supervisor import Supervisor
from rater_data.store import Store

REFRESH_INTERVAL = 2.0  # seconds
SENT_ONCE = "+"  # ends the fingerprint of a plot that was sent once
NOTICE_JS = """
let timer;
new MutationObserver(() => {
  clearTimeout(timer);
  const notice = element.querySelector('.ops-notice:not(.bad):not([hidden])');
  if (notice) timer = setTimeout(() => { notice.hidden = true; }, 20000);
}).observe(element, {childList: true, subtree: true});
// What was said of a form is not true any more once it is changed again, and not looked for on another tab
const hide = () => element.querySelectorAll('.ops-notice').forEach((notice) => { notice.hidden = true; });
const page = element.closest('.ops');
page.addEventListener('input', hide);
page.addEventListener('click', (event) => {
  if (event.target.closest('[role=tab], .overflow-dropdown button')) hide();
});
"""

Component = TypeVar("Component")
Properties = dict[str, Any]
"""What a component shows, as the arguments of `gr.update`."""


@dataclass(frozen=True, slots=True)
class LivePart:
    """A component that follows the store."""

    component: Any
    content: Callable[[ConsoleState], Properties]
    is_plot: bool = False


class LivePage:
    """The parts of the page and the actions on it, collected while it is laid out; `connect` wires them up.

    `left` and `right`: the dropdowns of the versions to be seen side by side; whoever lays them out puts them here.
    """

    left: gr.Dropdown
    right: gr.Dropdown

    def __init__(
        self, store: Store, guard: Guard, supervisor: Supervisor, verdicts: RoundVerdicts, blocks: gr.Blocks
    ) -> None:
        self.store, self.guard, self.supervisor, self.blocks = store, guard, supervisor, blocks
        self.parts: dict[str, LivePart] = {}
        self._caches = ConsoleCaches(verdicts)
        self._actions: list[tuple[Callable[..., Any], Action]] = []
        # laid out where the page wants it
        self.notice = html(elem_classes="rl ops-notices", js_on_load=NOTICE_JS, render=False)

    def add(
        self,
        name: str,
        component: Component,
        content: Callable[[ConsoleState], Properties],
        *,
        is_plot: bool = False,
    ) -> Component:
        """A part of any kind, under a name of its own; returns its component."""
        assert name not in self.parts, f"there is a part {name!r} already"
        self.parts[name] = LivePart(component, content, is_plot)
        return component

    def add_html(self, name: str, content: Callable[[ConsoleState], str], **kwargs: Any) -> gr.HTML:
        """A panel, whose content is HTML."""
        return self.add(name, html(**kwargs), lambda state: {"value": content(state)})

    def add_action(self, event: Callable[..., Any], action: Action) -> None:
        """`event`: a component's listener, as in `button.click`. The whole page is looked at anew after it."""
        self._actions.append((event, action))

    def read_parts(self, selected: tuple[int | None, int | None] = (None, None)) -> dict[str, Properties]:
        """What each part shows now, by name."""
        state = ConsoleState(self.store, self.supervisor.status, self._caches, selected)
        return {name: part.content(state) for name, part in self.parts.items()}

    def find_changes(
        self, parts: dict[str, Properties], fingerprints: str
    ) -> tuple[dict[str, Properties], str]:
        """Of what the page shows now, only what differs from the fingerprints it sent; and its new fingerprints.

        A plot is sent twice, at two refreshes: Gradio draws it anew when its axes arrive, with the numbers from before.
        """
        known = _parse_fingerprints(fingerprints)
        new, changed = {}, {}
        for name, properties in parts.items():
            new[name] = _fingerprint(properties)
            if known.get(name) == new[name]:
                continue
            changed[name] = properties
            if self.parts[name].is_plot and known.get(name) != new[name] + SENT_ONCE:
                new[name] += SENT_ONCE
        return changed, json.dumps(new)

    def connect(self) -> None:
        """Wires up everything that was added. Called last, within the page's Blocks."""
        fingerprints = gr.Textbox("{}", visible="hidden")

        def refresh(known: str, left: object, right: object) -> dict[Any, Any]:
            selected = (parse_version(left), parse_version(right))
            changed, new = self.find_changes(self.read_parts(selected), known)
            updates = {self.parts[name].component: gr.update(**changed[name]) for name in changed}
            return updates | {fingerprints: new}

        def tick(known: str, left: object, right: object, request: gr.Request) -> dict[Any, Any]:
            require_operator(self.guard, request)
            return refresh(known, left, right)

        components = [part.component for part in self.parts.values()]
        options = DIRECT | {
            "inputs": [fingerprints, self.left, self.right],
            "outputs": [*components, self.notice, fingerprints],
        }
        for event in (gr.Timer(REFRESH_INTERVAL).tick, self.blocks.load, self.left.input, self.right.input):
            event(tick, **options)
        for event, action in self._actions:
            event(action_handler(self.guard, self.notice, action, refresh), **options)


def parse_version(value: object) -> int | None:
    """A version's number as a dropdown sends it; None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _fingerprint(properties: Properties) -> str:
    text = json.dumps(properties, default=lambda frame: frame.to_json())
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _parse_fingerprints(text: str) -> dict[str, Any]:
    try:
        parsed = json.loads(text)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}
