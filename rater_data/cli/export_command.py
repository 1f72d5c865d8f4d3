"""`python -m rater_data export`: ratings into files for other programs, or onto the hub."""

import gc

from rater_data.cli import export_options as opt
from rater_data.cli.common import Home, app, open_store, out_console, print_line, progress_bar
from rater_data.database_option import DatabaseUrl
from rater_data.errors import BadInput
from rater_data.exporting import hub
from rater_data.exporting.file_types import FILE_TYPES
from rater_data.exporting.formats.export_request import ExportRequest, parse_since
from rater_data.exporting.formats.table import EXPORT_FORMATS


@app.command()
def export(
    out: opt.Out,
    format: opt.FormatOption = opt.DEFAULT_FORMAT,
    file_type: opt.FileTypeOption = opt.DEFAULT_FILE_TYPE,
    round: opt.Round = None,
    split: opt.SplitOption = None,
    since: opt.Since = None,
    min_margin: opt.MinMargin = 0.0,
    same_rater: opt.SameRater = False,
    ties: opt.Ties = False,
    threshold: opt.Threshold = None,
    conversational: opt.Conversational = False,
    llama_factory: opt.LlamaFactory = None,
    push_to_hub: opt.PushToHub = None,
    public: opt.Public = False,
    force: opt.Force = False,
    home: Home = None,
    database: DatabaseUrl = None,
) -> None:
    """Write ratings for other programs, people by pseudonym. docs/exports.md tells the columns."""
    # pandas, scipy and pyarrow take a second to import: the other commands do not wait for them
    from rater_data.exporting.export import write_export
    from rater_data.exporting.llama_factory import add_entry

    gc.freeze()  # what was imported stays: looking through it again and again took a fifth of a large export
    with open_store(home, database, make=False) as store:
        if push_to_hub is not None:
            if not FILE_TYPES[file_type].folder:
                raise BadInput("Only a dataset goes to the hub: say --as dataset.")
            hub.check_name(push_to_hub)
        elif public:
            raise BadInput("--public is for --push-to-hub: a file has no public.")
        handlers = {
            opt.EntryAction.write: add_entry,
            opt.EntryAction.print: lambda _out, entry: out_console.print_json(data=entry),
        }
        request = ExportRequest(
            format=format.value,
            file_type=file_type.value,
            round_number=round,
            split=split.value if split else None,
            since=None if since is None else parse_since(since),
            min_margin=min_margin,
            same_rater=same_rater,
            ties=ties,
            threshold=threshold,
            conversational=conversational,
        )
        count = write_export(
            store,
            out,
            request,
            handle_entry=handlers[llama_factory] if llama_factory else None,
            force=force,
            wrap=lambda batches, total: progress_bar(
                "Writing", batches, total, size=lambda rows: len(rows.parts)
            ),
        )
        print_line(f"{count} {EXPORT_FORMATS[format].noun} written to {out}.")
        if push_to_hub is not None:
            hub.push(out, push_to_hub, public=public)
            print_line(f"Sent to {push_to_hub}, {'public' if public else 'private'}.")
