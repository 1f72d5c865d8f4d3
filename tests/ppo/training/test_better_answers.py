"""Better answers teach the head which text is better, and never come near PPO's batch or the gate."""

import random
from dataclasses import replace

import numpy as np
import pytest

from ppo.config import Config
from ppo.fitting.fit_head import fit_head
from ppo.progress import Progress
from ppo.reward.judgements import COMPARISON, of_scores
from ppo.training import better_answers, store_tensors
from ppo.training.engine import Engine
from rater_data.records import Edit, EditedResponse, Prompt
from tests.rater_data.store_world import file_store, rating, response, version

PROMPTS, RESPONSES = 8, 3


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    return Engine(tmp_path_factory.mktemp("home"), "tiny", "cpu", Config(precision="fp32"))


@pytest.fixture(scope="module")
def store(tmp_path_factory, engine):
    """Texts of x and o that two raters scored without a liking for either; the better answers have far more x."""
    draw, base = random.Random(0), engine.base
    made = file_store(tmp_path_factory.mktemp("store") / "home")
    made.add_prompts([Prompt.of(f"Question {i}?", split="train") for i in range(PROMPTS)])
    made.add_version(version(0, status="current"))
    people = [made.add_user(name, "rater").id for name in ("ann", "ben")]
    made.start_round({"quota": 12}, 0)
    texts = ["".join(draw.choices("xo", k=draw.randint(12, 20))) for _ in range(PROMPTS * RESPONSES)]
    made.add_responses(
        [
            replace(
                response(1 + slot // RESPONSES, slot, text=text, overlap=2),
                prompt_ids=tuple(base.encode([{"role": "user", "content": "?"}], engine.config.sample)),
                token_ids=(*base.chat.encode_piece(text), base.stop_ids[0]),
                logprobs=(-1.0,) * (len(base.chat.encode_piece(text)) + 1),
            )
            for slot, text in enumerate(texts)
        ]
    )
    made.set_round_state(1, "rating")
    for rater in people:
        while (card := made.next_card(rater)) is not None:
            made.submit(rating(card.response_id, rater, float(draw.randint(4, 7)), position=card.position))
    yield made
    made.close()


def edit(store, response_id, text, rater=1, **changes):
    return store.save_edit(
        Edit(
            response_id=response_id,
            rater_id=rater,
            text=text,
            given_at=9.0,
            key=f"key {response_id}",
            **changes,
        )
    )


def test_an_edit_moves_scores_the_right_way_and_nothing_else_of_training(store, engine):
    rated, config, progress = store.ratings_to_seal(), engine.config, Progress(lambda _: None)
    data = store_tensors.rated_responses(store, engine.base, rated, 0, config.sample)
    features, depths = engine.reward_features(data, config, progress), len(engine.reward_layers(config))
    nothing = better_answers.edited_texts(engine.base, [], data.ids, config.sample)
    before = better_answers.fit_with_edits(data, features, nothing, features[:0], depths)
    for i in range(1, PROMPTS * RESPONSES, 2):
        edit(store, i, "x" * 17)
    after = fit_head(store, engine, progress)
    texts = better_answers.edited_texts(engine.base, store.edits_to_seal(), data.ids, config.sample)
    written = engine.reward_features(texts, config, progress)
    assert after.page["edits"] == len(texts.better) == PROMPTS * RESPONSES // 2
    told = (after.page["judgements"], after.page["comparisons"], after.page["head"]["responses"])
    assert told == (len(data.judgements), 0, len(data.ids)), "the head is judged by ratings alone"
    x_share = np.array([store.response(i).text.count("x") / len(store.response(i).text) for i in data.ids])
    replaced = features[[data.ids.index(i) for i in texts.replaced]]
    gains, likings = [], []
    for head in (before.head, after.fitted.head):
        gains.append(float((head.score(written) - head.score(replaced)).mean()))
        likings.append(float(np.corrcoef(head.score(features), x_share)[0, 1]))
    assert gains[1] > gains[0] + 0.5, "better answers score above what they replace"
    assert likings[1] > likings[0] + 0.3, "and responses that are more like them gain"
    # PPO's batch: rows of rated responses, each with the token ids that were sampled
    assert len(data.rollout) == len(data.ids) == data.on_policy.sum()
    assert set(data.ids) == {one.response.id for one in rated} and min(data.ids) > 0


def test_what_is_read_of_them(store, engine):
    """Beside a sampled response one ends as those do; a response that nobody rated is read, too; a holdout's is not."""
    base, sample = engine.base, engine.config.sample
    row = store.ratings_to_seal()[0]
    one = EditedResponse(
        edit=Edit(id=5, response_id=row.response.id, rater_id=2, text="xx", given_at=1.0, key="a key"),
        response=row.response,
        prompt=row.prompt,
    )
    found = better_answers.edited_texts(base, [one], [], sample)
    assert found.ids == (row.response.id, -5) and found.rollout.ended.tolist() == [True, True]
    ids = found.rollout.response_ids[1][found.rollout.response_mask[1]].tolist()
    assert ids == [*base.chat.encode_piece("xx"), base.stop_ids[0]]
    assert found.rollout.prompt_ids[0].tolist() == found.rollout.prompt_ids[1].tolist()
    imported = replace(
        row.response, round_number=0, version_number=None, token_ids=(), logprobs=(), prompt_ids=()
    )
    plain = better_answers.edited_texts(base, [replace(one, response=imported)], [row.response.id], sample)
    ids = plain.rollout.response_ids[0][plain.rollout.response_mask[0]].tolist()
    assert plain.ids == (-5,) and ids == base.chat.encode_piece("xx")
    held_out = replace(one, prompt=replace(one.prompt, split="holdout"))
    assert better_answers.edited_texts(base, [held_out], [], sample).better == ()


def test_each_is_a_comparison_that_is_won_by_who_wrote_it():
    told = of_scores(np.array([3.0, 8.0]), (1, 10), raters=np.array([7, 9]))
    texts = better_answers.EditedTexts(
        ids=(12, -3), rollout=None, prompts=np.array([1, 1]), better=(-3,), replaced=(12,), raters=(8,)
    )
    found = better_answers.judgements_with_edits(told, [11, 10], texts)
    assert found.rater_ids == (7, 8, 9) and found.rater.tolist() == [0, 2, 1]
    assert (found.kind[2], found.row[2], found.other[2], found.said[2]) == (COMPARISON, 3, 2, 1.0)
    assert found.responses == 4
