"""What is known of a version, for its card: read from the store and from the version's own files, nothing guessed."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rater_data.errors import Missing, Refused
from rater_data.lifecycle import Round, Version
from rater_data.records import IMPORTED_ROUND, RESTORED, RatedResponse
from rater_data.round_settings import REFERENCE, Told, joined_text
from rater_data.scales import SCALES, Scale
from rater_data.statistics.agreement import krippendorff_alpha
from rater_data.statistics.intervals import Interval
from rater_data.statistics.round_verdict import RoundVerdict
from rater_data.statistics.score_frame import training_score
from rater_data.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """One training of the version's line: what version `version` learned from, and what people say of it.

    `ratings` that teach something and `raters` of round `round`'s seal, which holds those of all rounds until then;
    `imported`: of them on texts that came from files; `removed`: sealed, and taken back since together with a person.
    `round` is None where this home did not train it: then nothing else is known.
    """

    version: int
    round: int | None = None
    scale: Scale | None = None
    ratings: int = 0
    raters: int = 0
    imported: int = 0
    removed: int = 0
    alpha: Interval | None = None
    gate: dict[str, Any]
    metrics: dict[str, Any]
    judged_in: int | None = None
    verdict: RoundVerdict | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleText:
    """What the base and the version said to a prompt that was never trained on; `continued`: going on with its text."""

    prompt: str
    before: str
    after: str
    continued: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterFacts:
    """`line`: the trainings from the base to the version, in order. `config`: the engine's settings in its files.

    `base_metrics`: the base's measures under the same sampling; empty where those that are kept are of another one.
    `same_sampling`: whether the base's samples were written under the version's own settings.
    """

    version: Version
    line: tuple[Training, ...]
    config: dict[str, Any]
    base_metrics: dict[str, float]
    samples: tuple[SampleText, ...]
    same_sampling: bool

    @property
    def training(self) -> Training:
        """The last one, which made the version."""
        return self.line[-1]

    @property
    def sample(self) -> dict[str, Any]:
        """How its responses were drawn, and what stood before them; empty of a version that does not say so."""
        found: dict[str, Any] = self.version.metrics.get("sample", {})
        return found


def trained_version(store: Store, number: int | None) -> Version:
    """Version `number`, or the one in use. Raises Missing, and Refused for one that has no adapter."""
    version = store.current_version() if number is None else store.version(number)
    if version is None:
        raise Missing("This home has no version yet.")
    if version.metrics.get(RESTORED):
        raise Refused(
            f"Version {version.number} is known from imported ratings alone: its adapter is in the home that it was "
            "trained in."
        )
    if not version.folder:
        raise Refused(f"Version {version.number} is the base itself and has no adapter: name a trained one.")
    return version


def gather_facts(store: Store, version: Version, folder: Path, samples: int) -> AdapterFacts:
    """All of it. `folder`: the version's checked files; `samples`: how many prompts are shown at most."""
    state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    reference: dict[str, Any] = store.setting(REFERENCE, {})
    own = version.metrics.get("sample")
    base = store.version(0)
    return AdapterFacts(
        version=version,
        line=tuple(_training(store, one) for one in _line(store, version)),
        config=state.get("config", {}),
        base_metrics=reference.get("metrics", {}) if own and reference.get("sample") == own else {},
        samples=tuple(_samples(store, version, samples)) if samples else (),
        same_sampling=bool(own) and base.metrics.get("sample") == own,
    )


def _line(store: Store, version: Version) -> list[Version]:
    """The versions from the base's first child to this one."""
    line = [version]
    while line[0].parent:
        line.insert(0, store.version(line[0].parent))
    return line


def _training(store: Store, version: Version) -> Training:
    rounds = store.rounds()
    judged_in, verdict = _verdict(store, version, rounds)
    training = Training(
        version=version.number, gate={}, metrics=version.metrics, judged_in=judged_in, verdict=verdict
    )
    made_by = next((r for r in rounds if r.published_version == version.number), None)
    if made_by is None:
        return training
    sealed = store.snapshot(made_by.number)
    taught = [row for row in sealed if training_score(row.rating) is not None]
    return replace(
        training,
        round=made_by.number,
        scale=_scale_of(taught),
        ratings=len(taught),
        raters=len({row.rating.rater_id for row in taught}),
        imported=sum(row.response.round_number == IMPORTED_ROUND for row in taught),
        removed=sum(row.rating.verdict == "removed" for row in sealed),
        alpha=krippendorff_alpha(taught),
        gate=made_by.gate or {},
    )


def _scale_of(rated: list[RatedResponse]) -> Scale | None:
    return SCALES[rated[-1].rating.scale] if rated else None


def _verdict(store: Store, version: Version, rounds: list[Round]) -> tuple[int | None, RoundVerdict | None]:
    """What the latest round that can tell says of a version against its parent; all ratings until now count."""
    for round_ in reversed(rounds):
        if round_.version_number != version.number:
            continue
        verdict = store.round_verdict(round_.number)
        if verdict.gain is not None:
            return round_.number, verdict
    return None, None


def _samples(store: Store, version: Version, limit: int) -> list[SampleText]:
    """Prompts that base and version both answered, with the same seed."""
    before = {(sample.prompt_id, sample.seed): sample.text for sample in store.samples(0)}
    continued = Told.of(version.metrics).continuation
    found: list[SampleText] = []
    for sample in store.samples(version.number):
        text = before.get((sample.prompt_id, sample.seed))
        if text is not None and len(found) < limit:
            prompt = store.prompt(sample.prompt_id)
            shown = joined_text(prompt.chat)
            found.append(SampleText(prompt=shown, before=text, after=sample.text, continued=continued))
    return found
