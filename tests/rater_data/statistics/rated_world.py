"""Raters with known habits, for the tests of what ratings say."""

import dataclasses

import numpy as np

from rater_data.records import Prompt, RatedResponse
from tests.rater_data.store_world import rating, response

PROMPT = Prompt.of("p", split="train")


def rated(response_id, rater_id, score, **changes) -> RatedResponse:
    verdict = changes.pop("verdict", "rated")
    written = dataclasses.replace(response(changes.pop("prompt", 1), response_id), id=response_id, **changes)
    return RatedResponse(
        rating=rating(response_id, rater_id, float(score) if verdict == "rated" else None, verdict=verdict),
        response=written,
        prompt=PROMPT,
    )


def simulated(seed, *, shared=24, alone=40, bias=(-1.0, 0.0, 1.0), noise=1.0):
    """Raters with known habits on `shared` responses all of them rate and `alone` that one each rates."""
    random, rows = np.random.default_rng(seed), []
    for i in range(shared + alone):
        true = random.normal(5.5, 1.5)
        for j in range(len(bias)) if i < shared else [i % len(bias)]:
            score = np.clip(round(true + bias[j] + random.normal(0, noise)), 1, 10)
            rows.append(rated(i + 1, j + 1, score, prompt=i // 4 + 1))
    return rows
