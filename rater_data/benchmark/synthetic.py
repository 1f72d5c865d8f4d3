"""A synthetic store of any size, written past the records: for measuring, never for training.

As many earlier rounds as fit, all published, each with a version of its own and a control arm of the one before;
one round open for rating, half full. Every eighth response has three raters. Texts and token ids repeat.
"""

import hashlib
import json
from collections.abc import Callable

import numpy as np
import sqlalchemy as sa

from rater_data.errors import BadInput
from rater_data.store import Store
from rater_data.store.database import schema as t
from rater_data.store.database.bulk import analyze_tables, set_sequences, write_rows

RATERS, PROMPTS, PER_PROMPT = 50, 500, 4
MAX_OPEN_RESPONSES = 2_000  # of the round that is open
RATINGS_PER_ROUND = 10_000  # of an earlier round
SHARED_EVERY = 8  # every eighth response has three raters: ten ratings for eight responses
TEXTS = 256
TOKENS = 48
FIRST_SECOND = 1_700_000_000.0
VOCABULARY = "the light of a small house by sea was warm and old people said it would rain again before noon"


def fill(store: Store, ratings: int, progress: Callable[[int], None] = lambda _ratings: None) -> None:
    """Writes the rows of an empty store; `progress` is called with the number of ratings so far.

    Raises BadInput for a store that is not empty.
    """
    if store.users() or store.prompts() or store.versions():
        raise BadInput(f"The store at {store.location} is not empty: measure with one that is.")
    open_responses = min(MAX_OPEN_RESPONSES, max(8, ratings // 2))
    open_ratings = open_responses // 2 // SHARED_EVERY * (SHARED_EVERY + 2)
    earlier_ratings = max(0, ratings - open_ratings)
    rounds = max(1, round(earlier_ratings / RATINGS_PER_ROUND))
    with store.writing() as connection:
        _write_people_and_prompts(connection)
        _write_versions_and_rounds(connection, rounds, open_ratings * 2, earlier_ratings)
    writer = _RoundWriter(store)
    for number in range(1, rounds + 1):
        share = earlier_ratings * number // rounds - earlier_ratings * (number - 1) // rounds
        writer.write_round(number, -(-share * SHARED_EVERY // (SHARED_EVERY + 2)), share)
        progress(writer.ratings)
    store.hash_ahead()
    writer.write_round(rounds + 1, open_responses, open_ratings)
    progress(writer.ratings)
    with store.writing() as connection:
        _write_snapshot(connection, rounds)
        set_sequences(connection)
        analyze_tables(connection)


def _write_people_and_prompts(connection: sa.Connection) -> None:
    users = [
        (i, f"Rater {i}", f"rater {i}", f"r-{i:012x}", "rater", True, False, FIRST_SECOND)
        for i in range(1, RATERS + 1)
    ]
    names = ("id", "name", "name_key", "pseudonym", "role", "active", "excluded", "created_at")
    write_rows(connection, t.users, names, users)
    prompts = []
    for i in range(1, PROMPTS + 1):
        messages = json.dumps([{"role": "user", "content": f"Question {i}: {_words(i, 12)}?"}])
        digest = hashlib.sha256(messages.encode()).hexdigest()
        prompts.append((i, messages, digest, '["made-up"]', "train", "bench", FIRST_SECOND, None))
    write_rows(connection, t.prompts, [c.name for c in t.prompts.c], prompts)


def _write_versions_and_rounds(
    connection: sa.Connection, rounds: int, quota: int, earlier_ratings: int
) -> None:
    versions = [
        (n, n - 1 if n else None, f"versions/{n:04d}" if n else "", "ab" * 32, "tiny", "1", "{}",
         "current" if n == rounds else "kept", FIRST_SECOND + n, "")
        for n in range(rounds + 1)
    ]  # fmt: skip
    write_rows(connection, t.policy_versions, [c.name for c in t.policy_versions.c], versions)
    config = json.dumps({"quota": quota})
    rows = []
    for n in range(1, rounds + 2):
        at = FIRST_SECOND + earlier_ratings * (n - 1) // rounds
        state, published = ("published", n) if n <= rounds else ("rating", None)
        rows.append((n, state, config, n - 1, published, None, None, None, at, at))
    write_rows(connection, t.rounds, [c.name for c in t.rounds.c], rows)
    steps = [
        (rounds, i, json.dumps({"step": i, "reward": i / 50, "kl": i / 10}), FIRST_SECOND) for i in range(50)
    ]
    write_rows(connection, t.steps, [c.name for c in t.steps.c], steps)


def _write_snapshot(connection: sa.Connection, number: int) -> None:
    """The last earlier round with its snapshot of all ratings before it: a store keeps one of every round."""
    response, rating = t.responses.c, t.ratings.c
    rated = sa.select(sa.literal(number), rating.id).join(t.responses, response.id == rating.response_id)
    connection.execute(
        t.snapshot_ratings.insert().from_select(
            ["round_number", "rating_id"], rated.where(response.round_number <= number)
        )
    )


class _RoundWriter:
    """Writes one round after another; the ids of responses and ratings go on."""

    def __init__(self, store: Store) -> None:
        self.store, self.random = store, np.random.default_rng(0)
        self.responses = self.ratings = 0
        self.texts = [_words(i, 40) for i in range(TEXTS)]
        self.tokens = [json.dumps(self.random.integers(0, 49_000, TOKENS).tolist()) for _ in range(TEXTS)]
        self.logprobs = [json.dumps((-self.random.exponential(1, TOKENS)).tolist()) for _ in range(TEXTS)]

    def write_round(self, number: int, responses: int, ratings: int) -> None:
        response_rows = [self._response_row(number, slot) for slot in range(responses)]
        rating_rows = self._rating_rows(responses, ratings)
        with self.store.writing() as connection:
            write_rows(connection, t.responses, [c.name for c in t.responses.c], response_rows)
            write_rows(connection, t.ratings, [c.name for c in t.ratings.c], rating_rows)
        self.responses += responses
        self.ratings += len(rating_rows)

    def _response_row(self, number: int, slot: int) -> tuple:
        control = number > 1 and slot % SHARED_EVERY == 1
        stratum = "calibration" if slot % SHARED_EVERY == 0 else "control" if control else "train"
        i = self.responses + slot + 1
        prompt = 1 + slot // PER_PROMPT % PROMPTS
        text = f"{i}: {self.texts[i % TEXTS]}"
        return (
            i, prompt, number, number - 1 - control, slot, slot, 0.7, "eos", stratum,
            3 if slot % SHARED_EVERY == 0 else 1, 1.0, FIRST_SECOND, text, "[1, 2, 3, 4]", self.tokens[i % TEXTS],
            self.logprobs[i % TEXTS], None, None,
        )  # fmt: skip

    def _rating_rows(self, responses: int, ratings: int) -> list[tuple]:
        overlap = np.where(np.arange(responses) % SHARED_EVERY == 0, 3, 1)
        response = np.repeat(np.arange(responses), overlap)[:ratings]
        turn = np.concatenate([np.arange(n) for n in overlap])[:ratings] if responses else response
        quality = self.random.normal(5.5, 1.8, responses)
        strictness = np.sin(np.arange(RATERS + 1))
        rater = 1 + (response * 7 + response // PER_PROMPT + turn) % RATERS
        score = np.clip(
            np.rint(quality[response] - strictness[rater] + self.random.normal(0, 1, len(response))), 1, 10
        )
        active_ms = self.random.lognormal(9, 0.6, len(response)).astype(int)
        chance = self.random.random(len(response))
        rows = []
        for k in range(len(response)):
            i, at = self.ratings + k + 1, FIRST_SECOND + self.ratings + k
            of = self.responses + int(response[k]) + 1
            verdict = "rated" if chance[k] > 0.03 else "skip" if chance[k] > 0.02 else "broken"
            given_score = float(score[k]) if verdict == "rated" else None
            rows.append((
                i, of, int(rater[k]), given_score, verdict, at - 5, at, at,
                int(active_ms[k]), 1 + int(response[k]) % PER_PROMPT, 1, "score_1_10", 1, True, f"made-up {i}", "",
                "[]", "{}", None, False, None, of, of,
            ))  # fmt: skip
        return rows


def _words(seed: int, count: int) -> str:
    words = VOCABULARY.split()
    return " ".join(words[(seed * 7 + k * (seed % 11 + 1)) % len(words)] for k in range(count))
