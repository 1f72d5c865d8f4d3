"""The rating page: a Blocks with one component, whose script talks to the JSON routes (see static/rate/)."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.static_files import STATIC, stylesheet_links
from rater_data.scales import Scale, offered


def build(version: str, scale: Scale) -> gr.Blocks:
    """`version` is the static files' own address part: a new release is never run with old scripts."""
    script = f"/static/{version}/rate/main.js"
    with gr.Blocks(title="Rate · Rateloop", analytics_enabled=False) as blocks:
        gr.HTML(
            html_template=(STATIC / "rate" / "screen.html").read_text(),
            js_on_load=f"import('{script}').then((main) => main.start(element, props.judging))",
            apply_default_css=False,
            judging=scale_for_page(scale),
        )
    return blocks


def scale_for_page(scale: Scale) -> dict[str, Any]:
    points = zip(scale.points, scale.keys, scale.anchors, strict=True)
    return {
        "name": scale.name,
        "paired": scale.paired,
        "points": [
            {"key": key, "score": score, "mark": scale.mark(score), "words": words}
            for score, key, words in points
        ],
        "verdicts": [
            {"name": one.name, "key": one.key, "label": one.label, "meaning": one.meaning}
            for one in offered(scale)
        ],
    }


def head(version: str) -> str:
    """What the page needs before Gradio has started: its looks, and its scripts on their way."""
    scripts = [
        f"/static/{version}/rate/{name}.js"
        for name in (
            "main",
            "dom",
            "net",
            "kept",
            "keys",
            "card",
            "details",
            "dialogs",
            "recent",
            "beside",
            "notices",
        )
    ]
    return stylesheet_links(version, "rate") + "".join(
        f'<link rel="modulepreload" href="{script}">' for script in scripts
    )
