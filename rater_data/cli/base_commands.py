"""The commands init, export and status."""

import gc

from rich.table import Table

from rater_data.cli import export_options as to
from rater_data.cli.app import Home, app, bar, opened, say
from rater_data.cli.options import DatabaseUrl
from rater_data.errors import BadInput
from rater_data.importing import import_files
from rater_data.store import Store


@app.command()
def init(home: Home = None, database: DatabaseUrl = None) -> None:
    """Make a home folder with the bundled prompts in it."""
    with opened(home, database) as store:
        added, _ = store.add_prompts(import_files.bundled_prompts())
        say.print(f"The home folder {store.home} is ready: {added} prompts added.", markup=False)


@app.command()
def export(
    out: to.Out,
    format: to.FormatOption = to.Format.ratings,
    as_: to.AsOption = to.As.jsonl,
    round: to.Round = None,
    split: to.SplitOption = None,
    since: to.Since = None,
    min_margin: to.MinMargin = 0.0,
    same_rater: to.SameRater = False,
    ties: to.Ties = False,
    threshold: to.Threshold = None,
    conversational: to.Conversational = False,
    llama_factory: to.LlamaFactory = None,
    push_to_hub: to.PushToHub = None,
    public: to.Public = False,
    force: to.Force = False,
    home: Home = None,
    database: DatabaseUrl = None,
) -> None:
    """Write ratings for other programs, people by pseudonym. docs/exports.md tells the columns."""
    # pandas, scipy and pyarrow take a second to import: the other commands do not wait for them
    from rater_data.exporting import export as exporting
    from rater_data.exporting import formats, hub
    from rater_data.exporting.llama_factory import put

    gc.freeze()  # what was imported stays: looking through it again and again took a fifth of a large export
    with opened(home, database, make=False) as store:
        if push_to_hub is not None:
            if as_ is not to.As.dataset:
                raise BadInput("Only a dataset goes to the hub: say --as dataset.")
            hub.check_name(push_to_hub)
        elif public:
            raise BadInput("--public is for --push-to-hub: a file has no public.")
        show = {to.Stanza.write: put, to.Stanza.print: lambda _out, stanza: say.print_json(data=stanza)}
        count = exporting.export(
            store,
            out,
            format=format.value,
            as_=as_.value,
            round_number=round,
            split=split.value if split else None,
            since=None if since is None else formats.since_of(since),
            min_margin=min_margin,
            same_rater=same_rater,
            ties=ties,
            threshold=threshold,
            conversational=conversational,
            stanza=show[llama_factory] if llama_factory else None,
            force=force,
            wrap=lambda rows, total: bar("Writing", rows, total, size=lambda some: len(some.parts)),
        )
        say.print(f"{count} {to.NOUNS[format]} written to {out}.", markup=False)
        if push_to_hub is not None:
            hub.push(out, push_to_hub, public=public)
            say.print(f"Sent to {push_to_hub}, {'public' if public else 'private'}.", markup=False)


@app.command()
def status(home: Home = None, database: DatabaseUrl = None) -> None:
    """What is in a home folder."""
    with opened(home, database, make=False) as store:
        table = Table("", "", show_header=False, box=None)
        for name, value in facts(store):
            table.add_row(name, value)
        say.print(table)


def facts(store: Store) -> list[tuple[str, str]]:
    """What `status` shows, line by line."""
    train, holdout = len(store.prompts(split="train")), len(store.prompts(split="holdout"))
    version, progress, job = store.current_version(), store.round_progress(), store.active_job()
    lines = [
        ("Home", str(store.home)),
        *([] if store.where == store.home else [("Database", str(store.where))]),
        ("Prompts", f"{train + holdout} ({holdout} holdout)"),
        ("People", str(len(store.users()))),
        ("Ratings", str(store.count_ratings())),
        ("Version in use", "none yet" if version is None else str(version.number)),
    ]
    if progress is None:
        lines.append(("Round", "none yet"))
    else:
        lines.append(("Round", f"{progress.round.number}, {progress.round.state}"))
        lines.append(("Responses in it", str(progress.responses)))
        lines.append(("Ratings in it", f"{progress.ratings} of {progress.quota}"))
    if job is not None:
        lines.append(("At work", f"{job.kind}, {job.state}"))
    return lines
