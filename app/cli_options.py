"""The options of `python -m app` that several commands share, or that are long."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.monitoring.webhook import SECRET_VARIABLE, URL_VARIABLE
from app.settings import FRAME_PARENT_VARIABLE, PUBLIC_URL_VARIABLE, ROOT_PATH_VARIABLE
from rater_data.round_settings import GENERATOR_KEY

Home = Annotated[
    Path | None, typer.Option(help="Where everything is kept (default: $RATELOOP_HOME or ~/.rateloop).")
]
Proxy = Annotated[
    str, typer.Option(help="Address of a TLS proxy in front, whose X-Forwarded-… headers are believed.")
]
RootPath = Annotated[
    str,
    typer.Option(
        envvar=ROOT_PATH_VARIABLE, help="Path under which a proxy puts the server, as in /rateloop."
    ),
]
PublicUrl = Annotated[
    str,
    typer.Option(
        envvar=PUBLIC_URL_VARIABLE, help="Address that people use, as in https://example.org/rateloop."
    ),
]
FrameParent = Annotated[
    str,
    typer.Option(
        envvar=FRAME_PARENT_VARIABLE,
        help="Site whose pages may show the rating screen in a frame, as in https://lab.example.org; none by default.",
    ),
]
WebhookUrl = Annotated[
    str | None,
    typer.Option(
        envvar=URL_VARIABLE,
        show_envvar=True,
        help="Address that is told when a round is full, a training ended, a job failed or a version was published; "
        f"signed with the secret in {SECRET_VARIABLE}.",
    ),
]
Device = Annotated[
    str, typer.Option(help="auto, cpu or cuda; split: the layers over all GPUs, cuda:0,cuda:2: over those.")
]
Generator = Annotated[
    str | None,
    typer.Option(
        help="A server of vLLM that writes the trainer's responses, as in http://127.0.0.1:8000; its key in "
        f"{GENERATOR_KEY}."
    ),
]
Quantize = Annotated[str, typer.Option(help="4bit: the trainer's base in 4 bits (needs bitsandbytes there).")]
Url = Annotated[str, typer.Option(help="The address people use (default: where it was last served).")]
