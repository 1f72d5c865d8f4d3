"""A made-up store of any size, written past the records: for measuring, never for training.

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
from rater_data.store.database.bulk import analyse, set_sequences, write_rows

RATERS, PROMPTS, PER_PROMPT = 50, 500, 4
OPEN = 2_000  # responses of the round that is open, at most
ROUND = 10_000  # ratings of an earlier round
SHARED = 8  # every eighth response has three raters: ten ratings for eight responses
TEXTS = 256
TOKENS = 48
BEGAN = 1_700_000_000.0
SAID = "the light of a small house by sea was warm and old people said it would rain again before noon"

Tell = Callable[[int], None]


def fill(store: Store, ratings: int, tell: Tell = lambda _done: None) -> None:
    """Makes the rows of a store that has none; `tell` hears how many ratings there are by now."""
    if store.users() or store.prompts() or store.versions():
        raise BadInput(f"The store at {store.where} is not empty: measure with one that is.")
    open_ones = min(OPEN, max(8, ratings // 2))
    rated_now = open_ones // 2 // SHARED * (SHARED + 2)
    before = max(0, ratings - rated_now)
    rounds = max(1, round(before / ROUND))
    with store.writing() as connection:
        _people_and_prompts(connection)
        _versions_and_rounds(connection, rounds, rated_now * 2, before)
    maker = _Maker(store)
    for number in range(1, rounds + 1):
        given = before * number // rounds - before * (number - 1) // rounds
        maker.round(number, -(-given * SHARED // (SHARED + 2)), given)
        tell(maker.rating)
    store.hash_ahead()
    maker.round(rounds + 1, open_ones, rated_now)
    tell(maker.rating)
    with store.writing() as connection:
        _seal(connection, rounds)
        set_sequences(connection)
        analyse(connection)


def _people_and_prompts(connection: sa.Connection) -> None:
    users = [
        (i, f"Rater {i}", f"rater {i}", f"r-{i:012x}", "rater", True, False, BEGAN)
        for i in range(1, RATERS + 1)
    ]
    names = ("id", "name", "name_key", "pseudonym", "role", "active", "excluded", "created_at")
    write_rows(connection, t.users, names, users)
    prompts = []
    for i in range(1, PROMPTS + 1):
        messages = json.dumps([{"role": "user", "content": f"Question {i}: {_words(i, 12)}?"}])
        digest = hashlib.sha256(messages.encode()).hexdigest()
        prompts.append((i, messages, digest, '["made-up"]', "train", "bench", BEGAN, None))
    write_rows(connection, t.prompts, [c.name for c in t.prompts.c], prompts)


def _versions_and_rounds(connection: sa.Connection, rounds: int, quota: int, before: int) -> None:
    versions = [
        (n, n - 1 if n else None, f"versions/{n:04d}" if n else "", "ab" * 32, "tiny", "1", "{}",
         "current" if n == rounds else "kept", BEGAN + n, "")
        for n in range(rounds + 1)
    ]  # fmt: skip
    write_rows(connection, t.policy_versions, [c.name for c in t.policy_versions.c], versions)
    config = json.dumps({"quota": quota})
    found = []
    for n in range(1, rounds + 2):
        at, over = BEGAN + before * (n - 1) // rounds, n <= rounds
        state, published = ("published", n) if over else ("rating", None)
        found.append((n, state, config, n - 1, published, None, None, None, at, at))
    write_rows(connection, t.rounds, [c.name for c in t.rounds.c], found)
    steps = [(rounds, i, json.dumps({"step": i, "reward": i / 50, "kl": i / 10}), BEGAN) for i in range(50)]
    write_rows(connection, t.steps, [c.name for c in t.steps.c], steps)


def _seal(connection: sa.Connection, number: int) -> None:
    """The last earlier round with its snapshot of all ratings before it: a store keeps one of every round."""
    r, g = t.responses.c, t.ratings.c
    picked = sa.select(sa.literal(number), g.id).join(t.responses, r.id == g.response_id)
    connection.execute(
        t.snapshot_ratings.insert().from_select(
            ["round_number", "rating_id"], picked.where(r.round_number <= number)
        )
    )


class _Maker:
    """Writes one round after another; the numbers of responses and ratings go on."""

    def __init__(self, store: Store) -> None:
        self.store, self.random = store, np.random.default_rng(0)
        self.response = self.rating = 0
        self.texts = [_words(i, 40) for i in range(TEXTS)]
        self.tokens = [json.dumps(self.random.integers(0, 49_000, TOKENS).tolist()) for _ in range(TEXTS)]
        self.logprobs = [json.dumps((-self.random.exponential(1, TOKENS)).tolist()) for _ in range(TEXTS)]

    def round(self, number: int, responses: int, ratings: int) -> None:
        written = [self._written(number, slot) for slot in range(responses)]
        given = self._given(number, responses, ratings)
        with self.store.writing() as connection:
            write_rows(connection, t.responses, [c.name for c in t.responses.c], written)
            write_rows(connection, t.ratings, [c.name for c in t.ratings.c], given)
        self.response += responses
        self.rating += len(given)

    def _written(self, number: int, slot: int) -> tuple:
        control = number > 1 and slot % SHARED == 1
        kind = "calibration" if slot % SHARED == 0 else "control" if control else "train"
        i = self.response + slot + 1
        prompt = 1 + slot // PER_PROMPT % PROMPTS
        text = f"{i}: {self.texts[i % TEXTS]}"
        return (
            i, prompt, number, number - 1 - control, slot, slot, 0.7, "eos", kind, 3 if slot % SHARED == 0 else 1,
            1.0, BEGAN, text, "[1, 2, 3, 4]", self.tokens[i % TEXTS], self.logprobs[i % TEXTS], None, None,
        )  # fmt: skip

    def _given(self, number: int, responses: int, ratings: int) -> list[tuple]:
        wanted = np.where(np.arange(responses) % SHARED == 0, 3, 1)
        about = np.repeat(np.arange(responses), wanted)[:ratings]
        turn = np.concatenate([np.arange(n) for n in wanted])[:ratings] if responses else about
        quality = self.random.normal(5.5, 1.8, responses)
        strict = np.sin(np.arange(RATERS + 1))
        rater = 1 + (about * 7 + about // PER_PROMPT + turn) % RATERS
        score = np.clip(np.rint(quality[about] - strict[rater] + self.random.normal(0, 1, len(about))), 1, 10)
        took = self.random.lognormal(9, 0.6, len(about)).astype(int)
        odd = self.random.random(len(about))
        rows = []
        for k in range(len(about)):
            i, at = self.rating + k + 1, BEGAN + self.rating + k
            verdict = "rated" if odd[k] > 0.03 else "skip" if odd[k] > 0.02 else "broken"
            said = float(score[k]) if verdict == "rated" else None
            rows.append((
                i, self.response + int(about[k]) + 1, int(rater[k]), said, verdict, at - 5, at, at, int(took[k]),
                1 + int(about[k]) % PER_PROMPT, 1, "score_1_10", 1, True, f"made-up {i}", "", "[]", "{}", None,
                False, None,
            ))  # fmt: skip
        return rows


def _words(seed: int, count: int) -> str:
    words = SAID.split()
    return " ".join(words[(seed * 7 + k * (seed % 11 + 1)) % len(words)] for k in range(count))
