"""`python -m app`: serve, invite people, print links and tokens."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from app import startup
from app.access import accounts
from app.benchmark.capacity_command import capacity
from app.cli_options import (
    Device,
    FrameParent,
    Generator,
    Home,
    Proxy,
    PublicUrl,
    Quantize,
    RootPath,
    Url,
    WebhookUrl,
)
from app.monitoring.metrics_token import load_metrics_token
from app.monitoring.webhook import Webhook, WebhookTarget, read_target
from app.port import open_server_socket
from app.settings import Settings, port_from_environment
from app.trainer.supervisor import Supervisor
from rater_data.artifacts.opening import open_artifacts
from rater_data.database_option import ArtifactsUrl, DatabaseUrl, Track
from rater_data.errors import Missing, RateloopError
from rater_data.overview.wording import format_datetime
from rater_data.rater_functions import CLASSIFIER_HELP, CLASSIFIER_SIGN
from rater_data.round_settings import SERVER_URL
from rater_data.scales import SCALES
from rater_data.store import Store, default_home

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="The rating screen and the operator console."
)


def say(sentence: str) -> None:
    typer.echo(sentence)


def exit_with(error: Exception) -> typer.Exit:
    typer.secho(str(error), fg="red", err=True)
    return typer.Exit(1)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int | None, typer.Option(help="Port to listen on (default: $PORT or 7860).")] = None,
    home: Home = None,
    model: Annotated[str | None, typer.Option(help="Base model: a name, a folder or a hub id.")] = None,
    device: Device = "auto",
    scale: Annotated[
        str | None,
        typer.Option(help=f"What raters judge by, while there are no ratings: {', '.join(SCALES)}."),
    ] = None,
    system: Annotated[
        str | None, typer.Option(help="System prompt of the rounds to come, for chats that bring none.")
    ] = None,
    prompt_format: Annotated[
        str | None,
        typer.Option(
            help="chat: by the model's chat template; plain: the model continues the prompt's text."
        ),
    ] = None,
    max_new_tokens: Annotated[
        str | None,
        typer.Option(
            help="Longest response in tokens, or a range as in 4:16 from which each draws its limit."
        ),
    ] = None,
    generator: Generator = None,
    quantize: Quantize = "",
    track: Track = None,
    processes: Annotated[
        int, typer.Option(help="Processes of the trainer, one for each GPU; they share every step.")
    ] = 1,
    worker: Annotated[bool, typer.Option(help="Also run the trainer.")] = True,
    allow_public: Annotated[bool, typer.Option(help="Listen on an address that others can reach.")] = False,
    proxy: Proxy = "",
    root_path: RootPath = "",
    public_url: PublicUrl = "",
    frame_parent: FrameParent = "",
    database: DatabaseUrl = None,
    artifacts: ArtifactsUrl = None,
    webhook: WebhookUrl = None,
) -> None:
    """Start the server and its trainer; prints one link to begin with."""
    try:
        settings = Settings(
            home=(home or default_home()).expanduser().absolute(),
            host=host,
            port=port_from_environment() if port is None else port,
            model=model,
            device=device,
            generator=generator,
            quantize=quantize,
            track=track,
            processes=processes,
            worker=worker,
            allow_public=allow_public,
            proxy=proxy,
            root_path=root_path,
            public_url=public_url,
            frame_parent=frame_parent,
            database=database,
            artifacts=artifacts,
        )
        target = read_target(webhook) if webhook else None
        start(settings, scale, (system, prompt_format, max_new_tokens), target)
    except RateloopError as error:
        raise exit_with(error) from None
    except KeyboardInterrupt:
        pass
    say("Stopped. Everything is saved; start again to go on.")


def start(
    settings: Settings,
    scale: str | None = None,
    sampling: tuple[str | None, str | None, str | None] = (None, None, None),
    target: WebhookTarget | None = None,
) -> None:
    """Serves until it is ended; `sampling`: system prompt, prompt format and length of responses, where given;
    `target`: who is told what happens."""
    # Cheap refusals first, then the trainer (it takes longest), then the slow import of gradio.
    server_socket = open_server_socket(settings)
    store = Store.open(settings.home, settings.database)
    supervisor = Supervisor(settings, say)
    try:
        artifacts = open_artifacts(store, settings.artifacts, begin=True)
        store.base_model(settings.model)  # or a sentence, before anything is loaded
        if scale is not None:
            store.choose_scale(scale)
        startup.choose_round_settings(store, *sampling)
        if settings.worker:
            startup.show_embedded_prompt(store, settings.model)
        startup.prepare_home(store)
        startup.announce_release(store, say)
        supervisor.start()
        startup.announce_start(store, supervisor.status)
        from app import server

        def on_ready() -> None:
            store.set_setting(SERVER_URL, settings.link_url)
            user = accounts.get_or_create_operator(store)
            purpose = (
                f"opens the console as {user.name}, once and within an hour; python -m app link: another"
            )
            say(f"Rateloop is ready: {accounts.create_link(store, user.name)}  ({purpose})")
            if target is not None:
                webhook = Webhook(store, target, f"{settings.link_url}/operator/", say)
                threading.Thread(target=webhook.run, args=(supervisor.stopping.wait,), daemon=True).start()
            startup.start_reports(store, lambda: supervisor.status, say, supervisor.stopping.wait)

        web_app = server.build_app(settings, store, supervisor, artifacts)
        server.serve(web_app, server_socket, settings, on_ready)
    finally:
        supervisor.stop()
        store.close()


@app.command()
def invite(
    name: Annotated[str, typer.Argument(help="The person's name.")],
    operator: Annotated[bool, typer.Option("--operator", help="An operator instead of a rater.")] = False,
    home: Home = None,
    url: Url = "",
    database: DatabaseUrl = None,
) -> None:
    """Print a personal link for a rater, who is made if new; their links, tokens and sessions from before end."""
    role = "operator" if operator else "rater"
    print_from_store(
        home, database, lambda store: accounts.invite(store, accounts.TERMINAL_ACTOR, name, url, role)
    )


@app.command()
def link(
    name: Annotated[
        str | None, typer.Argument(help="Who it lets in (default: the operator who started this).")
    ] = None,
    home: Home = None,
    url: Url = "",
    database: DatabaseUrl = None,
) -> None:
    """Print a new link for somebody who is known: works once, within an hour, in place of unused earlier ones."""
    print_from_store(
        home,
        database,
        lambda store: accounts.create_link(store, name or accounts.get_or_create_operator(store).name, url),
    )


@app.command()
def token(
    name: Annotated[
        str, typer.Argument(help="Whom the token acts as (made if there is nobody of that name).")
    ],
    operator: Annotated[bool, typer.Option("--operator", help="An operator instead of a rater.")] = False,
    days: Annotated[float, typer.Option(help="How long it works.")] = accounts.DEFAULT_TOKEN_DAYS,
    home: Home = None,
    database: DatabaseUrl = None,
) -> None:
    """Print a token for scripts: send it as `Authorization: Bearer …` to the routes under /api."""
    role = "operator" if operator else "rater"
    print_from_store(
        home,
        database,
        lambda store: accounts.create_token(store, accounts.TERMINAL_ACTOR, name, role=role, days=days),
    )


@app.command()
def metrics_token(
    new: Annotated[bool, typer.Option("--new", help="Another one: the one before works no more.")] = False,
    home: Home = None,
) -> None:
    """Print the token that lets Prometheus read /metrics, and nothing else; it is in metrics.token in the home."""
    try:
        folder = (home or default_home()).expanduser()
        if not folder.is_dir():
            raise Missing(f"There is no home folder at {folder}: check the path, or start the server first.")
        say(load_metrics_token(folder, new=new))
    except RateloopError as error:
        raise exit_with(error) from None


@app.command()
def tokens(
    take_back: Annotated[int | None, typer.Option(help="End the token of this number.")] = None,
    home: Home = None,
    database: DatabaseUrl = None,
) -> None:
    """List the tokens that still work, or take one back."""

    def list_or_revoke(store: Store) -> str:
        if take_back is not None:
            return accounts.revoke_token(store, accounts.TERMINAL_ACTOR, take_back)
        lines = []
        for row in store.tokens():
            made, until = format_datetime(row.created_at), format_datetime(row.expires_at)
            lines.append(f"{row.id}  {row.user.name} ({row.user.role}), made {made}, works until {until}")
        return "\n".join(lines) or "No token works at the moment."

    print_from_store(home, database, list_or_revoke)


@app.command()
def simulate(
    url: Annotated[str, typer.Option(help="The server's address, as in http://127.0.0.1:7860.")],
    token: Annotated[str, typer.Option(help="An operator's token (a rater per client) or a rater's.")],
    rater: Annotated[
        str,
        typer.Option(
            help="FILE.py:FUNCTION, a function (prompt, response) → score, or a text classifier, run on this machine: "
            f"{CLASSIFIER_HELP}."
        ),
    ],
    ratings: Annotated[int, typer.Option(min=1, help="Ratings in all.")] = 64,
    clients: Annotated[int, typer.Option(min=1, max=200, help="Raters at once.")] = 1,
    patience: Annotated[float, typer.Option(min=0, help="Seconds without a card before giving up.")] = 600.0,
    think: Annotated[float, typer.Option(min=0, help="Seconds a rater thinks about a card.")] = 0.0,
) -> None:
    """Rate over the JSON routes of a running server with a function of yours or a text classifier."""
    from rich.progress import Progress

    from app.benchmark.classifier_process import open_rater
    from app.benchmark.simulate import simulate as run_simulation

    try:
        if rater.startswith(CLASSIFIER_SIGN):
            say(f"Loading {rater.removeprefix(CLASSIFIER_SIGN)} …")
        with open_rater(rater) as rate, Progress(transient=True) as progress:
            task = progress.add_task("Rating", total=ratings)
            told: list[str] = []

            def say_once(why: str) -> None:
                if told[-1:] != [why]:
                    told.append(why)
                    progress.console.print(f"Waiting for a card. {why}")

            outcome = run_simulation(
                url,
                token,
                rate,
                ratings,
                clients,
                lambda saved: progress.update(task, completed=saved),
                patience,
                think,
                say_once,
            )
    except RateloopError as error:
        raise exit_with(error) from None
    say(
        f"{outcome.ratings} ratings in {outcome.seconds:.1f} s by {clients} at once; a rating and its next card took "
        f"{outcome.median_ms:.0f} ms (median), {outcome.p95_ms:.0f} ms (95 %)."
    )
    if outcome.ratings < ratings:
        say(f"There was nothing more to rate: {ratings - outcome.ratings} ratings are missing.")


app.command()(capacity)


@app.command()
def bench(
    raters: Annotated[int, typer.Option(min=1, max=200, help="Raters at once.")] = 50,
    think: Annotated[float, typer.Option(min=0, help="Seconds a rater thinks about a card.")] = 3.0,
    seconds: Annotated[float, typer.Option(min=1, help="How long they rate.")] = 60.0,
    beside: Annotated[
        str, typer.Option(help='Work beside them at nice 19, as in "python -m ppo bench --steps 50".')
    ] = "",
    train: Annotated[
        str, typer.Option(help="A model that the server's own trainer trains meanwhile, by PPO.")
    ] = "",
    kills: Annotated[int, typer.Option(min=0, help="Then: kill -9 of server and trainer, so often.")] = 0,
    memory: Annotated[int, typer.Option(min=0, help="Then: the server's memory over so many ratings.")] = 0,
    page: Annotated[int, typer.Option(min=0, help="Then: so many clicks on the page, in Chromium.")] = 0,
    console: Annotated[
        int, typer.Option(min=0, help="Then: the console's looks at a store of so many ratings.")
    ] = 0,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the numbers to this file.")] = None,
) -> None:
    """Measure what raters wait for and what survives, on servers and homes of its own."""
    import json
    from dataclasses import asdict

    from rich.progress import Progress

    from app.benchmark import browser_page, console_look, measure

    # an end from outside ends the servers, too
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    parts: dict[
        str, measure.Load | measure.KillResult | measure.Memory | browser_page.Page | console_look.ConsoleLook
    ] = {}
    try:
        with Progress(transient=True) as progress:

            def add_bar(title: str, total: int) -> Callable[[int], None]:
                task = progress.add_task(title, total=total)
                return lambda done: progress.update(task, completed=done)

            on_rating = add_bar("Rating", measure.target_ratings(raters, think, seconds))
            parts["load"] = measure.measure_load(raters, think, seconds, beside, train, on_rating)
            if kills:
                parts["kills"] = measure.measure_kills(kills, add_bar("Killing", kills))
            if memory:
                parts["memory"] = measure.measure_memory(memory, add_bar("Rating", memory))
            if page:
                parts["page"] = browser_page.measure_page(page, add_bar("Clicking", page))
            if console:
                looking = add_bar("Looking", console_look.LOOKS)
                parts["console"] = console_look.measure_console(console, looking)
    except RateloopError as error:
        raise exit_with(error) from None
    report = {name: asdict(part) for name, part in parts.items()}
    for name, numbers in report.items():
        say(
            f"{name}: "
            + ", ".join(f"{k} {v:.1f}" if isinstance(v, float) else f"{k} {v}" for k, v in numbers.items())
        )
    if json_file is not None:
        json_file.write_text(json.dumps(report, indent=1), encoding="utf-8")


def print_from_store(home: Path | None, database: str | None, make: Callable[[Store], str]) -> None:
    try:
        store = Store.open(home or default_home(), database)
        try:
            say(make(store))
        finally:
            store.close()
    except RateloopError as error:
        raise exit_with(error) from None
