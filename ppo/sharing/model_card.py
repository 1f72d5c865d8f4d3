"""The card of a shared adapter: how it came about, what it can be told to do, and what nobody knows of it.

Every figure is from the store or the version's files. Texts of others (prompts, answers, names) stand in code alone.
"""

from huggingface_hub import ModelCardData

from ppo.markdown import fenced, shortened, span
from ppo.sharing.bases import SharedBase
from ppo.sharing.card_figures import figure, gain_words, training_rows, training_words
from ppo.sharing.facts import AdapterFacts
from ppo.sharing.loading_recipe import loading_recipe
from rater_data.lifecycle import Version
from rater_data.round_settings import Told

_CARD = """\
---
{head}
---

# {title}

A LoRA adapter for {base}{revision}. People rated what the model wrote, a reward head was fitted to their ratings, and
PPO moved this adapter. It is version {number} of its line, made with Rateloop.

## Load it

{loading}

## What it was trained under

{told}

## Where it comes from

{training}

| version | round | ratings | raters | agreement (alpha) | head: Spearman | head: pairs | KL | distinct-2 |
|--:|--:|--:|--:|---|---|---|--:|--:|
{rows}

- ratings: what the seal of the round held, those of all rounds until then, without skipped ones; raters: accounts, who
  are not named here. Rateloop cannot tell whether a person or a program rated for one.
- agreement: Krippendorff's alpha (interval level; 1 = perfect, 0 = chance) with its 95 % interval, on those ratings.
- head: how the reward head agreed with people on prompts that it was not fitted on: rank correlation, and the share of
  pairs within a prompt that it puts the right way round; 95 % intervals over prompts.
- KL: nats per response from the base, on prompts that were never trained on. distinct-2: distinct word pairs over all
  word pairs{base_distinct}.

## Did people like it better?

{gain}

## Before and after

{samples}

## What it does not know

- It learned what these raters liked in these prompts. They are no sample of anybody, and nothing else was measured: no
  benchmark, no check of facts, no red team.
- Liking is not truth: an answer that is wrong and pleasant may have been rated high. What the base gets wrong or does
  harm with, this adapter may, too.
- Under another system prompt, format or temperature, or on another base or revision, none of the figures above holds.
- The reward head is a guess at what people say, and PPO searches for what it likes; beyond the KL above nobody looked.
- Value head and reward head are not part of it; the ratings are not either{datasets}.

## Licence

{licence}

## Files

| file | sha256 |
|---|---|
{files}
"""


def model_card(
    facts: AdapterFacts,
    base: SharedBase,
    where: str,
    files: dict[str, str],
    *,
    licence: str | None = None,
    datasets: tuple[str, ...] = (),
) -> str:
    """The text of README.md. `where`: what the commands load; `files`: sha256 by name; `licence`: the adapter's own."""
    version = facts.version
    base_distinct = facts.base_metrics.get("distinct_2")
    return _CARD.format(
        head=_head(base, licence, datasets),
        title=f"Version {version.number} for {base.name if base.on_hub else span(base.name)}",
        base=_base_link(base),
        revision=f", revision {span(base.revision)}" if base.revision else "",
        number=version.number,
        loading=loading_recipe(facts, base, where),
        told=_describe_sampling(facts),
        training=training_words(facts),
        rows="\n".join(training_rows(facts.line)),
        base_distinct="" if base_distinct is None else f"; the base's own are {figure(base_distinct, '.2f')}",
        gain=gain_words(facts.training, version.parent or 0),
        samples=_describe_samples(facts),
        datasets="" if not datasets else ": " + ", ".join(span(name) for name in datasets),
        licence=_describe_licence(base, licence),
        files="\n".join(f"| `{name}` | `{digest}` |" for name, digest in sorted(files.items())),
    )


def _head(base: SharedBase, licence: str | None, datasets: tuple[str, ...]) -> str:
    """YAML by the hub's own writer. Without the name of a base on the hub none is stated: a wrong one would mislead."""
    data = ModelCardData(
        base_model=base.name if base.on_hub else None,
        library_name="peft",
        pipeline_tag="text-generation",
        license=licence or base.licence or None,
        tags=["lora", "ppo", "rlhf", "human-feedback", "rateloop"],
        datasets=list(datasets) or None,
    )
    return data.to_yaml().strip()


def _base_link(base: SharedBase) -> str:
    return f"[{base.name}](https://huggingface.co/{base.name})" if base.on_hub else span(base.name)


def _describe_sampling(facts: AdapterFacts) -> str:
    sample = facts.sample
    if not sample:
        return "This version's files do not say: it is of a release that did not keep it."
    told = Told.of(facts.version.metrics)
    shortest, longest = sample.get("max_new_tokens_from"), sample.get("max_new_tokens")
    length = f"at most {longest} tokens a response"
    if shortest:
        length += f" (each response drew its own limit, from {shortest})"
    lines = [
        f"- Temperature {figure(sample.get('temperature'), 'g')}, all tokens (no top-k, no top-p, no penalty), "
        f"{length}, prompts of at most {sample.get('max_prompt_tokens')} tokens.",
        f"- {_describe_format(told)}",
    ]
    if told.system:
        lines.append("- System prompt, before chats that bring none of their own:\n\n" + fenced(told.system))
    return "\n".join(lines)


def _describe_format(told: Told) -> str:
    if told.continuation:
        return "Format: plain. The model went on with the prompt's text; no chat template, no system prompt."
    none = "" if told.system else " No system prompt was told."
    return f"Format: chat, by the base's own chat template.{none}"


def _describe_samples(facts: AdapterFacts) -> str:
    if not facts.samples:
        return "None are shown here."
    before = (
        "" if facts.same_sampling else " The base's were written under earlier settings than this version's."
    )
    parts = [f"Prompts that were never trained on; the same seed, and not chosen for what was said.{before}"]
    for sample in facts.samples:
        goes_on = " (the answers go on with its text)" if sample.continued else ""
        parts += [
            f"Prompt{goes_on}:",
            fenced(shortened(sample.prompt)),
            "The base:",
            fenced(shortened(sample.before)),
            f"Version {facts.version.number}:",
            fenced(shortened(sample.after)),
        ]
    return "\n\n".join(parts)


def _describe_licence(base: SharedBase, licence: str | None) -> str:
    of_base = (
        f"The base's is {span(base.licence)}"
        if base.licence
        else "The base's is not known here: look at its own card"
    )
    own = (
        f"The adapter's is {span(licence)}."
        if licence
        else "Whoever shared the adapter chose none of its own for it."
    )
    return f"{own} {of_base}; its terms hold for what is made of it, where they say so."


def commit_title(version: Version) -> str:
    """What the hub shows for the commit."""
    return f"Version {version.number}, adapter {version.sha256[:12]}"
