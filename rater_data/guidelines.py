"""What raters are asked to go by until the operator writes a better text: on each scale in that scale's words."""

from importlib import resources

from rater_data.scales import Scale, offered_verdicts


def bundled_guideline(scale: Scale, continuation: bool = False) -> str:
    """The first guideline of a home that rates on `scale`, as Markdown; of texts that go on with their prompts."""
    name = "guideline_plain.md" if continuation else "guideline_pair.md" if scale.paired else "guideline.md"
    text = resources.files("rater_data").joinpath("prompts", name).read_text("utf-8").strip()
    points = [f"| {scale.mark(point)} | {words} |" for point, words in scale.anchored_points]
    verdicts = [f"- **{verdict.label}**: {verdict.meaning}" for verdict in offered_verdicts(scale)]
    parts = {
        **_words(scale, *(("text", "that begin alike") if continuation else ("answer", "to one prompt"))),
        "points": "\n".join(["| | |", "|---|---|", *points]),
        "verdicts": "\n".join(verdicts),
    }
    for part, words in parts.items():
        text = text.replace(f"{{{part}}}", words)
    return text


def _words(scale: Scale, what: str, group: str) -> dict[str, str]:
    """What depends on how many points the scale has, and whether two are compared.

    `what` is rated; `group`: those of them that are rated back to back.
    """
    if scale.paired:
        return {
            "do": "compare",
            "seen": f"two {what}s {group}",
            "task": "Say which one goes on better.",
            "spread": f"A tie says that you would not mind which one you got. Which {what} stands first is chance.",
            "choice": "a choice",
            "answer": "choice",
        }
    marks = [scale.mark(point) for point in scale.points]
    if len(marks) > 2:
        lowest, highest = (anchor[0].lower() + anchor[1:] for anchor in (scale.anchors[0], scale.anchors[-1]))
        ends = f"**{marks[0]}** ({lowest}) to **{marks[-1]}** ({highest})"
        task = f"Give the {what} a number from {ends}."
        spread = "if one is better, give it more points. Use the whole scale."
    else:
        task = f"Say whether it is what you wanted: **{marks[-1]}** or **{marks[0]}**."
        spread = "each is judged for itself."
    return {
        "do": "rate",
        "seen": f"a {what}",
        "task": task,
        "spread": f"The {what}s {group} come one after the other: {spread}",
        "choice": "to be rated",
        "answer": "rating",
    }
