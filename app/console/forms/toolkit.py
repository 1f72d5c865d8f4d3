"""What every form of the console is made with: an HTML part, events without a queue, handlers that report back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from app.access.auth import Guard
from app.console.panels.elements import notice
from rater_data.errors import BadInput, RateloopError
from rater_data.records import User

DIRECT: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
"""Options of every event: it runs at once, without Gradio's queue and its spinners, and is no public API."""

Action = Callable[[User, gr.EventData], str]
"""Something an operator does. Returns what was done, in words; raises RateloopError for what cannot be done."""


def html(value: str = "", **kwargs: Any) -> gr.HTML:
    kwargs.setdefault("js_on_load", None)
    return gr.HTML(value, apply_default_css=False, **kwargs)


def run_for_notice(act: Callable[[], str]) -> str:
    """Does something, and returns as a notice what was done or why it was not."""
    try:
        return notice(act())
    except RateloopError as error:
        return notice(str(error), bad=True)


def require_operator(guard: Guard, request: gr.Request) -> User:
    """Who asks. Raises SignedOut or WrongRole for anybody but an operator."""
    assert request.request is not None, "every event comes over HTTP"
    return guard.require_operator(request.request)


def action_handler(
    guard: Guard, notice_part: gr.HTML, action: Action, refresh: Callable[..., dict[Any, Any]]
) -> Callable[..., dict[Any, Any]]:
    """A handler of an event: an operator's action, a notice of what came of it, and the page as it is then."""

    def handler(event: gr.EventData, request: gr.Request, *inputs: Any) -> dict[Any, Any]:
        user = require_operator(guard, request)
        return {notice_part: run_for_notice(lambda: action(user, event))} | refresh(*inputs)

    handler.__name__ = action.__name__  # what the route that runs it is called
    return handler


def parse_id(value: object) -> int:
    """A number that a page's script sent. Raises BadInput for anything else."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
        raise BadInput("The page asked for something that is not there: load it anew.")
    return value
