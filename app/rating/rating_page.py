"""The rating page: a Blocks with one component, whose script talks to the JSON routes (see static/rate/)."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.static_files import STATIC, stylesheet_links
from rater_data.scales import Scale, offered_verdicts


def build_page(static_version: str, scale: Scale) -> gr.Blocks:
    """`static_version` is in the scripts' address: a new release is never run with old scripts."""
    # a bare relative address would be one beside Gradio's own script
    script = f"new URL('../static/{static_version}/rate/main.js', document.baseURI)"
    page = gr.Blocks(title="Rate · Rateloop", analytics_enabled=False)
    with page:
        gr.HTML(
            html_template=(STATIC / "rate" / "screen.html").read_text(),
            js_on_load=f"import({script}).then((main) => main.start(element, props.rating_scale))",
            apply_default_css=False,
            rating_scale=scale_props(scale),
        )
    return page


def scale_props(scale: Scale) -> dict[str, Any]:
    """The scale with the keys and words of its points, and the verdicts beside it."""
    return {
        "name": scale.name,
        "paired": scale.paired,
        "points": [
            {"key": scale.key(score), "score": score, "mark": scale.mark(score), "words": scale.words(score)}
            for score in scale.points
        ],
        "verdicts": [
            {
                "name": verdict.name,
                "key": verdict.key,
                "label": verdict.label,
                "meaning": verdict.meaning,
            }
            for verdict in offered_verdicts(scale)
        ],
    }


def head_html(static_version: str) -> str:
    """What the page needs before Gradio has started: its styles, and its scripts on their way."""
    scripts = sorted((STATIC / "rate").glob("*.js"))
    return stylesheet_links(static_version, "rate") + "".join(
        f'<link rel="modulepreload" href="../static/{static_version}/rate/{script.name}">'
        for script in scripts
    )
