"""From the ratings of a home to a reward head and what is to be said of it: agreement, report, raters.

Imported responses are read by the base model as the settings of the home say; no version and no round is needed.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ppo.algorithm.rater_review import Reviewed
from ppo.progress import Progress
from ppo.reward.evaluation.report import cross_validate
from ppo.reward.reward_head import FittedHead
from ppo.training import better_answers, checkpoint, store_tensors
from ppo.training.engine import Engine
from rater_data.errors import BadInput, Missing
from rater_data.records import RatedResponse
from rater_data.scales import SCALES
from rater_data.statistics.agreement import human_ceiling, krippendorff_alpha
from rater_data.store import Store

NO_VERSION = -1


@dataclass(frozen=True)
class HeadFit:
    """The head and what is said of it, as JSON takes it."""

    fitted: FittedHead
    page: dict[str, Any]


def fit_head(store: Store, engine: Engine, progress: Progress) -> HeadFit:
    """Reads every rated response of the home that counts, fits a head and says how far it agrees with people.

    Raises Missing where nothing was rated that teaches anything, BadInput where no response can be read.
    """
    rated = store.ratings_to_seal()
    if not rated:
        raise Missing(
            "There are no ratings here. Bring some in with `python -m rater_data import-ratings FILE`, or rate."
        )
    config = engine.round_config(store)
    data = store_tensors.rated_responses(store, engine.base, rated, NO_VERSION, config.sample)
    if not data.ids:
        why = data.left_out[0] if data.left_out else "all are of prompts that are held out, or teach nothing."
        raise BadInput(f"No rated response can be learned from: {why}")
    features = engine.reward_features(data, config, progress)
    depths = len(engine.reward_layers(config))
    progress.phase("Checking a head on prompts that it is not fitted on", 1)
    report = cross_validate(
        features, data.judgements, data.prompts, config.reward.folds, config.seed, depths, data.ceiling
    )
    progress.phase("Fitting the head", 1)
    edits = better_answers.edited_texts(engine.base, store.edits_to_seal(), data.ids, config.sample)
    read = engine.reward_features(edits, config, progress)
    fitted = better_answers.fit_with_edits(data, features, edits, read, depths)
    progress.phase("Looking at the raters", 1)
    review = Reviewed(rated, data.ids, features, data.prompts).review()
    names = {user.id: user.name for user in store.users()}
    page = {
        "model": engine.base.name,
        "layers": list(engine.reward_layers(config)),
        "sample": asdict(config.sample),
        **_counts(rated, data),
        "edits": len(edits.better),
        "agreement": _agreement(rated),
        "head": asdict(report),
        "raters": [{"name": names[row["rater_id"]], **row} for row in review["raters"]],
        "findings": [_with_names(finding, names) for finding in review["findings"]],
        "head_without": {names[int(rater)]: found for rater, found in review["head"].items()},
        "seconds": {phase: round(seconds, 1) for phase, seconds in progress.finish().items()},
    }
    return HeadFit(fitted, page)


def check_empty(folder: Path) -> None:
    """Raises BadInput for a folder that holds anything: a head is not written over another."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadInput(f"{folder} is not an empty folder: name another one with --out.")


def write_head(found: HeadFit, folder: Path) -> None:
    """`reward_head.safetensors` with the arrays, `reward_head.json` with the rest. Raises BadInput as `check_empty`."""
    check_empty(folder)
    folder.mkdir(parents=True, exist_ok=True)
    record = checkpoint.write_head(found.fitted.head, folder)
    text = json.dumps({"reward_head": record, **found.page}, indent=1)
    (folder / "reward_head.json").write_text(text, encoding="utf-8")


def _counts(rated: Sequence[RatedResponse], data: store_tensors.RatedResponses) -> dict[str, Any]:
    """`held_out`: ratings of prompts that are never trained on; `left_out`: why responses could not be read."""
    return {
        "ratings": data.count,
        "judgements": len(data.judgements),
        "comparisons": int(data.judgements.compared.sum()),
        "responses": len(data.ids),
        "prompts": len(set(data.prompts.tolist())),
        "raters_who_count": len({row.rating.rater_id for row in rated}),
        "held_out": len(rated) - data.count,
        "left_out": list(data.left_out),
        "scale": SCALES[rated[0].rating.scale].name,
    }


def _agreement(rated: Sequence[RatedResponse]) -> dict[str, Any]:
    """Krippendorff's alpha with its interval, and how well one rater foretells the others; None where none share."""
    alpha = krippendorff_alpha(rated)
    return {"alpha": None if alpha is None else asdict(alpha), "one_rater": human_ceiling(rated)}


def _with_names(finding: dict[str, Any], names: dict[int, str]) -> dict[str, Any]:
    people = [names[i] for i in (finding["rater_id"], *finding["others"])]
    return {"raters": people, "kind": finding["kind"], "says": finding["says"]}
