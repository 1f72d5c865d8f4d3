"""What raters are asked to go by until the operator writes a better text: on each scale in that scale's words."""

from importlib import resources

from rater_data.scales import Scale, offered_verdicts


def bundled_guideline(scale: Scale) -> str:
    """The first guideline of a home that rates on `scale`, as Markdown."""
    name = "guideline_pair.md" if scale.paired else "guideline.md"
    text = resources.files("rater_data").joinpath("prompts", name).read_text("utf-8").strip()
    marks = [scale.mark(point) for point in scale.points]
    if len(marks) > 2:
        ends = f"**{marks[0]}** ({scale.anchors[0].lower()}) to **{marks[-1]}** ({scale.anchors[-1].lower()})"
        task = f"Give the answer a number from {ends}."
        spread = "if one is better, give it more points. Use the whole scale."
    else:
        task = f"Say whether it is what you wanted: **{marks[-1]}** or **{marks[0]}**."
        spread = "each is judged for itself."
    points = [f"| {scale.mark(point)} | {words} |" for point, words in scale.anchored_points]
    verdicts = [f"- **{verdict.label}**: {verdict.meaning}" for verdict in offered_verdicts(scale)]
    parts = {
        "task": task,
        "spread": spread,
        "points": "\n".join(["| | |", "|---|---|", *points]),
        "verdicts": "\n".join(verdicts),
    }
    for name, part in parts.items():
        text = text.replace(f"{{{name}}}", part)
    return text
