"""The round as a recipe: read it from top to bottom.

`generate_round` writes what raters will read; `train_round` turns what they said into the next version. Each can be
killed at any point and called again: responses have slots, PPO has checkpoints, and the store changes state in
single transactions.
"""

import secrets
from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from ppo.algorithm import rules
from ppo.algorithm.ppo_update import TrainState
from ppo.config import Config
from ppo.progress import Progress
from ppo.reward.evaluation import report
from ppo.reward.reward_head import FittedHead, RewardHead
from ppo.training import better_answers, checkpoint, generate, set_aside, store_tensors, training_steps
from ppo.training.checkpoint import RoundCheckpoints
from ppo.training.engine import Engine
from ppo.training.plan import BESIDE_SETTINGS, PAIRED, RATERS, Slot, plan_round, planned_by
from rater_data.errors import Missing
from rater_data.lifecycle import FINISHED_STATES, Round, Version
from rater_data.records import Prompt, stored_id
from rater_data.round_settings import REFERENCE
from rater_data.store import Store

PROMPTS_A_CHUNK = 8  # written and offered together; the first alone: its card comes after seconds
SAMPLE_SEED = 20_170_707
SAMPLED_PROMPTS = 2  # prompts that are answered after every step


def generate_round(store: Store, engine: Engine, progress: Progress) -> int:
    """Writes the responses of the next round, or of the one that was interrupted. Returns its number."""
    version = _ensure_version_0(store, engine)
    round_ = store.round()
    if round_ is None or round_.state in FINISHED_STATES:
        config = engine.round_config(store)
        beside = planned_by(config.plan, store.count_raters(), store.scale().paired)
        round_ = store.start_round({**config.to_dict(), **beside}, version.number)
    if round_.state != "generating":
        return round_.number
    config = _config_of(round_)
    slots = _plan(store, engine, config, round_, progress)
    written = store.slots(round_.number)
    progress.phase("Generating responses", len(slots))
    for chunk in generate.split_slots(slots, config.plan.responses_per_prompt, PROMPTS_A_CHUNK):
        missing = [s for s in chunk if s.slot not in written]
        if missing:
            store_tensors.add_responses(
                store, generate.write_slots(store, engine, config, round_.number, missing)
            )
            if not written and chunk[0].slot == 0:
                generate.keep_first_responses(store)
        progress.advance(chunk[-1].slot + 1)
    paired = bool(round_.config.get(PAIRED))
    store.add_responses(generate.anchor_responses(store, config, round_.number, len(slots), paired))
    store.set_round_state(round_.number, "rating")
    _reference_metrics(store, engine, config, progress)
    return round_.number


def train_round(
    store: Store, engine: Engine, number: int, progress: Progress, *, override: bool = False
) -> str:
    """Reward head, gate, PPO, publish. Returns the state the round ended in: published or refused.

    Where nothing of the way that PPO went may be kept, the round is refused too: a new version would be the one before,
    and raters would be asked to compare the two.
    """
    round_ = _require_round(store, number)
    if round_.state in FINISHED_STATES and not (round_.state == "refused" and override):
        return round_.state  # the worker died between the end of the round and the end of its job
    config = _config_of(round_)
    if round_.state != "training":  # it is, when a worker died in it
        store.set_round_state(number, "training")
    reference = _reference_metrics(store, engine, config, progress)
    version = _require_current_version(
        store
    )  # not always the round's own: it may have been rolled back since
    engine.load_version(store, version.number)

    progress.phase("Computing reward features", 1)
    data = store_tensors.load_sealed_ratings(store, engine.base, number, version.number, config.sample)
    for why in data.left_out:
        progress.log(f"A rated response that was made elsewhere is left out: {why}")
    features = engine.reward_features(data, config, progress)
    edits = _read_edits(store, engine, number, data, config, progress)
    fitted, found = _fit(data, features, edits, config, len(engine.reward_layers(config)))
    if fitted is not None:
        _store_head_scores(store, engine, config, number, fitted.head, progress)
    gate = _gate_record(found, data, len(edits[0].better), override)
    if fitted is None or not (found.passed or override):
        store.set_round_state(number, "refused", gate=gate, decision=found.reason)
        return "refused"

    limits = training_steps.round_limits(config, version, reference)
    progress.phase("Measuring the version in use", 1)
    start = training_steps.Start(
        engine.policy.adapter_state(), engine.measure_version(store, config, SAMPLE_SEED)
    )
    progress.advance(1)
    if not data.on_policy.any():  # after a roll-back nobody may have rated what this version wrote
        fitted = replace(fitted, start=start.measured.features.mean(0))
    state = _ppo(store, engine, config, round_, version, data, fitted, limits, progress)
    progress.phase("Evaluating the new version", 1)
    end = training_steps.shrink_to_limits(
        store, engine, config, start, limits, fitted.head, SAMPLE_SEED, progress
    )
    progress.advance(1)
    if end.changed_nothing:
        why = (
            end.why or f"the KL limit of {limits.kl:.1f} nats per response was reached before the first step"
        )
        said = f"Of round {number}'s training nothing is kept: {why}. Version {version.number} stays in use."
        store.set_round_state(number, "refused", gate=gate, decision=said)
        checkpoint.remove_steps(engine.artifacts, number)
        engine.loaded_version = None  # the critic has moved
        return "refused"
    _publish(store, engine, config, state, version, fitted.head, gate, end, progress)
    return "published"


def _require_round(store: Store, number: int) -> Round:
    round_ = store.round(number)
    if round_ is None:
        raise Missing(f"There is no round {number}.")
    return round_


def _require_current_version(store: Store) -> Version:
    version = store.current_version()
    if version is None:
        raise Missing("No version is in use: the model has not written its first responses.")
    return version


# ---- generate


def _ensure_version_0(store: Store, engine: Engine) -> Version:
    """The version in use; in a new home version 0, the base itself."""
    current = store.current_version()
    if current is not None:
        return current
    base = engine.base
    version = Version(
        number=0,
        parent=None,
        folder="",
        sha256="",
        base_model=base.name,
        base_revision=base.revision,
        metrics={"kl": 0.0, "sample": asdict(engine.round_config(store).sample)},
        status="current",
        created_at=engine.now(),
    )
    store.add_version(version)
    return version


def _reference_metrics(store: Store, engine: Engine, config: Config, progress: Progress) -> dict[str, float]:
    """What the base says to the holdout prompts, and its measures; taken after the first cards are out.

    Once, and anew when responses are written otherwise: limits are shares of what the base does under the same system
    prompt, format and length.
    """
    kept: dict[str, Any] = store.setting(REFERENCE, {})
    sample = asdict(config.sample)
    if kept.get("sample") != sample:
        progress.phase("Evaluating the base model", 2)
        engine.load_version(store, 0)
        if not store.samples(0):
            store.add_samples(engine.holdout_samples(store, 0, config, SAMPLE_SEED))
        progress.advance(1)
        kept = {"sample": sample, "metrics": engine.measure_version(store, config, SAMPLE_SEED).metrics}
        store.set_setting(REFERENCE, kept)
        progress.advance(2)
    metrics: dict[str, float] = kept["metrics"]
    return metrics


def _config_of(round_: Round) -> Config:
    return Config.from_dict({k: v for k, v in round_.config.items() if k not in BESIDE_SETTINGS})


def _plan(store: Store, engine: Engine, config: Config, round_: Round, progress: Progress) -> list[Slot]:
    """The round's slots; prompts that the model's chat template cannot write are set aside and others drawn."""
    version = round_.version_number
    assert version is not None, "only round 0, which is imported, is of no version"
    set_aside.begin_round(store, round_.number)
    # one that an earlier release began goes on as it was planned
    paired = bool(round_.config.get(PAIRED))
    # While nobody is known there may be many: responses that wait for several raters cost one alone nothing
    raters = round_.config.get(RATERS) or config.plan.overlap
    while True:
        train, holdout = store_tensors.trainable_prompts(store), store_tensors.holdout_prompts(store)
        set_aside.check_something_left(store, train)
        parent = store.version(version).parent
        slots = plan_round(config, round_.number, version, parent, train, holdout, raters, paired)
        drawn = {stored_id(p): p for p in [*(slot.prompt for slot in slots), *holdout]}
        if not _set_aside(store, engine, config, drawn.values(), progress):
            return slots


def _set_aside(
    store: Store, engine: Engine, config: Config, prompts: Iterable[Prompt], progress: Progress
) -> int:
    limit = engine.prompt_limit(config)
    return set_aside.set_aside_unwritable(store, engine.base, config.sample, limit, prompts, progress)


# ---- train


ReadEdits = tuple[better_answers.EditedTexts, np.ndarray]
"""Better answers, and the features that were read of them."""


def _read_edits(
    store: Store,
    engine: Engine,
    number: int,
    data: store_tensors.RatedResponses,
    config: Config,
    progress: Progress,
) -> ReadEdits:
    edits = better_answers.edited_texts(engine.base, store.sealed_edits(number), data.ids, config.sample)
    for why in edits.left_out:
        progress.log(f"A better answer is left out: {why}")
    return edits, engine.reward_features(edits, config, progress)


def _fit(
    data: store_tensors.RatedResponses, features: np.ndarray, edits: ReadEdits, config: Config, depths: int
) -> tuple[FittedHead | None, report.HeadReport]:
    """A head that ratings and better answers taught, and what one is worth that ratings alone taught."""
    found = report.cross_validate(
        features, data.judgements, data.prompts, config.reward.folds, config.seed, depths, data.ceiling
    )
    if not data.ids:
        return None, found
    fitted = better_answers.fit_with_edits(data, features, *edits, depths, first=data.on_policy)
    return fitted, found


def _store_head_scores(
    store: Store,
    engine: Engine,
    config: Config,
    number: int,
    head: RewardHead,
    progress: Progress,
) -> None:
    """What this head says of each of the round's responses, holdout and unrated ones too, goes beside them."""
    responses = store_tensors.load_round_responses(store, engine.base, number)
    if responses.ids:
        scores = head.score(engine.reward_features(responses, config, progress))
        store.set_head_scores(number, dict(zip(responses.ids, scores.tolist(), strict=True)))


def _gate_record(
    found: report.HeadReport, data: store_tensors.RatedResponses, edits: int, override: bool
) -> dict[str, Any]:
    taught = {"ratings": data.count} | ({"edits": edits} if edits else {})
    return {**asdict(found), **taught, "overridden": override and not found.passed}


def _ppo(
    store: Store,
    engine: Engine,
    config: Config,
    round_: Round,
    version: Version,
    data: store_tensors.RatedResponses,
    fitted: FittedHead,
    limits: training_steps.Limits,
    progress: Progress,
) -> TrainState:
    """First what people say of the responses that this version wrote, then fresh rollouts scored by the head."""
    number, head = round_.number, fitted.head
    steps = RoundCheckpoints(engine.artifacts, number, round_.snapshot_sha256 or "")
    state = TrainState.begin(engine.policy, config.ppo, number, version.metrics.get("kl", 0.0))
    saved = steps.latest(progress.log)
    if saved is not None:
        checkpoint.load_state(state, saved[1])
        progress.log(f"Going on from {saved[0]} of round {number}.")
    else:
        store.clear_steps(number)
    untouched = version.number == 0 and saved is None
    if not state.people_done:
        on_ratings = training_steps.ppo_on_ratings(engine, config, data, fitted, state, progress)
        _record_step(number, 0, on_ratings, config, untouched, progress)
        untouched = untouched and on_ratings["updates"] == 0
        state.people_done = True
        _save_step(state, steps, config, head)
    progress.phase("PPO on rollouts", config.ppo.steps, done=state.step)
    while state.step < config.ppo.steps:
        prompts = _prompts_of_step(store, engine, config, state, progress)
        metrics = training_steps.ppo_on_rollouts(engine, config, prompts, fitted, state, limits, progress)
        if metrics is None:
            progress.log(f"The KL limit of {limits.kl:.1f} nats per response is reached; back to people.")
            break
        state.step += 1
        samples = _watched_samples(store, engine, config)
        _record_step(number, state.step, metrics | {"samples": samples}, config, untouched, progress)
        untouched = False
        _save_step(state, steps, config, head)
        progress.advance(state.step, f"KL {metrics['kl']:.1f} nats, score {metrics['score']:+.2f}")
    return state


def _prompts_of_step(
    store: Store, engine: Engine, config: Config, state: TrainState, progress: Progress
) -> list[Prompt]:
    """The training prompts that the next step answers: drawn by its seed, without those that cannot be written."""
    while True:
        train = store_tensors.trainable_prompts(store)
        set_aside.check_something_left(store, train)
        chosen = training_steps.sample_prompts(train, config, state)
        if not _set_aside(store, engine, config, chosen, progress):
            return chosen


def _watched_samples(store: Store, engine: Engine, config: Config) -> list[dict[str, str]]:
    """What the policy says right now to the first prompts that are never trained on: to watch it change."""
    prompts = store_tensors.holdout_prompts(store)[:SAMPLED_PROMPTS]
    if not prompts:
        return []
    _, texts = engine.rollout(prompts, 1, config, SAMPLE_SEED)
    return [{"prompt": p.text, "text": t} for p, t in zip(prompts, texts, strict=True)]


def _record_step(
    number: int, step: int, metrics: dict[str, Any], config: Config, untouched: bool, progress: Progress
) -> None:
    """Stores a step with the rules it was held to; a broken one is told in the job's log too."""
    lights = rules.check_rules(metrics, first=untouched, max_new_tokens=config.sample.max_new_tokens)
    for light in lights:
        if not light["ok"]:
            progress.log(f"Step {step}: {light['says']}")
    progress.record_step(number, step, {**metrics, "lights": lights})


def _publish(
    store: Store,
    engine: Engine,
    config: Config,
    state: TrainState,
    parent: Version,
    head: RewardHead,
    gate: dict[str, Any],
    end: training_steps.End,
    progress: Progress,
) -> None:
    number = store.next_version_number()
    name = f"versions/{number:04d}"
    if engine.artifacts.exists(name):
        # of a training that died before it was published, or of another trainer's, which must stay what it is
        name = f"{name}-{secrets.token_hex(4)}"
    progress.phase("Publishing", 1)
    digest = checkpoint.save(state, engine.artifacts, name, config, head, resumable=False)
    engine.trained_to(number, end.measured)
    samples = engine.holdout_samples(store, number, config, SAMPLE_SEED)
    version = Version(
        number=number,
        parent=parent.number,
        folder=name,
        sha256=digest,
        base_model=engine.base.name,
        base_revision=engine.base.revision,
        metrics={
            **end.metrics,
            "sample": asdict(config.sample),
            "steps": state.step,
            "seconds": {k: round(v, 1) for k, v in progress.finish().items()},
        },
        status="candidate",
        created_at=engine.now(),
    )
    count = gate.get("edits", 0)
    edits = f" and {count} better answer{'s' * (count > 1)}" if count else ""
    decision = f"Version {number} learned from {gate['ratings']} ratings{edits}."
    if end.why:
        decision += f" Of the way that PPO went {end.share:.0%} is kept: {end.why}."
    store.publish(state.round_number, version, gate=gate, decision=decision, samples=samples)
    checkpoint.remove_steps(engine.artifacts, state.round_number)


def _save_step(state: TrainState, steps: RoundCheckpoints, config: Config, head: RewardHead) -> None:
    steps.save(state, config, head)
