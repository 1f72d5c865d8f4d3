"""What `python -m ppo doctor` prints."""

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

GIB = 2**30


def print_diagnosis(console: Console, found: dict[str, Any]) -> None:
    """One page: the model, the path it is read by, its prompts and endings, and what a round needs."""
    model, prompts, needs, sample = (found[part] for part in ("model", "prompts", "needs", "sample"))
    console.print(f"[bold]{escape(model['name'])}[/bold] {escape(model['revision'])}")
    page = Table(show_header=False, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    page.add_column(style="dim", no_wrap=True)
    page.add_column()
    context = f"reads {model['context']} tokens" if model["context"] else "names no longest text"
    page.add_row(
        "model", f"{model['class']} ({model['family']}), {_millions(model['parameters'])}, {context}"
    )
    page.add_row(
        "weights", f"{model['dtype_on_disk']} on disk, {model['precision']} products on {model['device']}"
    )
    page.add_row("adapter", f"{_millions(model['adapter_parameters'])}")
    page.add_row("path", escape(found["path"]["says"]))
    for note in model["notes"]:
        page.add_row("note", escape(note))
    page.add_row("prompt", escape(repr(prompts["example"])))
    ends = ", ".join(f"{escape(str(text))} ({i})" for i, text in prompts["stops"].items())
    page.add_row("ends at", ends or "nothing: every response is cut at its limit")
    length = sample["max_new_tokens"]
    if sample["max_new_tokens_from"]:
        length = f"{sample['max_new_tokens_from']} to {length}"
    page.add_row("responses", f"of at most {length} tokens, {sample['prompt_format']} prompts")
    whole, spread = needs["measured"], needs["spread"]
    page.add_row(
        "measured",
        f"{whole['responses']} responses of full length: written in {whole['write_s']:.1f} s, read in "
        f"{whole['read_s']:.1f} s and trained on in {whole['train_s']:.1f} s",
    )
    page.add_row(
        "memory", f"{needs['peak'] / GIB:.2f} GiB at the peak, {needs['free'] / GIB:.2f} GiB to be had"
    )
    page.add_row(
        "what fits",
        f"mini-batches of any size, read {whole['microbatch']} tokens at a time; "
        f"responses of {needs['longest_response']} tokens",
    )
    page.add_row(
        "a round",
        f"about {needs['minutes']:.1f} minutes to train ({needs['minutes'] / spread:.1f} to "
        f"{needs['minutes'] * spread:.1f}), {needs['writing_minutes']:.1f} to write the responses of the next",
    )
    console.print(page)
    console.print(verdict(found))


def print_shape_needs(console: Console, found: dict[str, Any]) -> None:
    """One page: the shape, the round, and for each way to hold its weights where the round would end up here."""
    size = found["round"]
    console.print(f"[bold]{escape(found['shape'])}[/bold], calculated: nothing is downloaded or made")
    page = Table(show_header=False, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    page.add_column(style="dim", no_wrap=True)
    page.add_column()
    page.add_row(
        "model",
        f"{_millions(found['parameters'])} in {found['layers']} layers, reads {found['context']} tokens",
    )
    card = f" ({found['card']})" if found["card"] else ""
    page.add_row("device", f"{found['device']}{card}, {found['room'] / GIB:.1f} GiB to be had")
    page.add_row(
        "a round",
        f"{size['responses']} responses of {size['response']} tokens at once, {size['per_prompt']} to each prompt of "
        f"{size['prompt']}, LoRA r {size['rank']}",
    )
    console.print(page)
    table = Table(title="GiB at the peak of each phase")
    table.add_column("")
    for name in (*next(iter(found["ways"].values()))["phases"], "micro-batch", "longest response"):
        table.add_column(name, justify="right")
    table.add_column("")
    for way in found["ways"].values():
        tokens = f"{way['microbatch']} tokens" + (", recomputed" if way["recompute"] else "")
        table.add_row(
            way["flag"],
            *(f"{count / GIB:.1f}" for count in way["phases"].values()),
            tokens if way["fits"] else "",
            str(way["longest_response"]) if way["longest_response"] else "",
            "[green]fits[/green]" if way["fits"] else "[red]does not fit[/red]",
        )
    console.print(table)
    console.print(shape_verdict(found))


def shape_verdict(found: dict[str, Any]) -> str:
    """The last line: what to start it with."""
    chosen = found["chosen"]
    if chosen is not None:
        flag = found["ways"][chosen]["flag"]
        default = chosen == found["precision"]
        return f"[green]A round fits{', as it is' if default else f' with {flag}'}.[/green]"
    ways = found["ways"].values()
    least = min(ways, key=lambda way: way["peak"])
    if any(way["longest_response"] for way in ways):
        return "[red]A round as configured does not fit: make the responses shorter (--max-new-tokens).[/red]"
    return (
        f"[red]It does not fit on {found['device']}: {least['flag']} needs {least['peak'] / GIB:.1f} GiB and "
        f"{found['room'] / GIB:.1f} are to be had. Take a smaller model or a larger device.[/red]"
    )


def verdict(found: dict[str, Any]) -> str:
    """The last line: whether a round can be begun."""
    if not found["needs"]["fits"]:
        return "[red]A round as configured does not fit: make the responses shorter.[/red]"
    slow = " It will be slower than a family with a fast path." if found["path"]["path"] != "fast" else ""
    return f"[green]Ready: a round as configured fits.[/green]{slow}"


def _millions(count: int) -> str:
    return f"{count / 1e6:.1f} million parameters" if count < 1e9 else f"{count / 1e9:.2f} billion parameters"
