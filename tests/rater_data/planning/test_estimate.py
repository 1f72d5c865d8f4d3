"""Minutes and memory of a round: by hand for a small one, and how they grow."""

import math

import pytest

from ppo.config import ROLLOUTS_PER_PROMPT
from ppo.training.engine import MEASURED_PER_PROMPT
from ppo.training.round_recipe import PROMPTS_A_CHUNK, SAMPLED_PROMPTS
from rater_data.planning import estimate
from rater_data.planning.costs import RoundCosts
from rater_data.planning.estimate import (
    EVALUATING,
    ON_RATINGS,
    ON_ROLLOUTS,
    PUBLISHING,
    READING,
    HomeFacts,
    count_prompts,
    estimate_round,
    expected_length,
)
from rater_data.round_settings import current_values

COSTS = RoundCosts(
    model="m",
    device="cuda",
    precision="fp32",
    release="1",
    machine="2 cores",
    measured_at=0.0,
    write_step_s=0.1,
    write_token_s=0.01,
    read_token_s=0.02,
    train_token_s=0.04,
    held_tokens=1000,
    sampled_tokens=800,
    prompt_tokens=8.0,
    microbatch=200,
    microbatch_limit=400,
    rows_limit=128,
    rest=10_000,
    write_peak=20_000,
    train_peak=30_000,
    cache_token=1.0,
    microbatch_token=100.0,
    state_token=1.0,
    free=10**9,
)
SMALL = {"plan.ratings": 16, "sample.max_new_tokens": 10, "ppo.steps": 2, "ppo.prompts_per_step": 4}
FACTS = HomeFacts(holdout=5)


def said(changes=None, costs=COSTS, facts=FACTS):
    return estimate_round(current_values({}) | SMALL | (changes or {}), costs, facts)


def test_each_phase_by_hand():
    """16 ratings of 8 prompts; two steps of 16 rollouts to 4 prompts; every response has its 10 tokens."""
    found = said({"plan.control_share": 0.25, "plan.holdout_share": 0.0}).phases
    assert found[READING] == pytest.approx((16 * 10 + 8 * 8) * 0.02 / 2)
    assert found[ON_RATINGS] == pytest.approx((12 * 10 + 6 * 8) * (0.02 + 2 * 0.04))
    step = (1 + 16 * 0.1) + (1 + 2 * 0.1) + (16 * 10 + 4 * 8) * (0.02 + 0.04)
    assert found[ON_ROLLOUTS] == pytest.approx(2 * step)
    assert found[EVALUATING] == pytest.approx(1 + 20 * 0.1 + (20 * 10 + 5 * 8) * 0.02)
    assert found[PUBLISHING] == pytest.approx(1 + 5 * 0.1)


def test_writing_the_next_round_by_hand():
    """8 prompts in two goes (the first prompt, then seven); with a control arm each is three."""
    alone = said({"plan.control_share": 0.0})
    whole = (16 * 10) * 0.01 + (16 * 10 + 8 * 8) * 0.02
    assert alone.writing_s == pytest.approx(2 * 1 + whole)
    assert said().writing_s == pytest.approx(6 * 1 + whole)
    assert said(facts=HomeFacts(holdout=5, is_first=True)).writing_s == pytest.approx(alone.writing_s)
    assert alone.first_card_s == pytest.approx(1 + 2 * 0.1 + (2 * 10 + 8) * 0.02)
    assert alone.ready_s == alone.train_s + alone.writing_s


def test_memory_by_hand():
    """Training: 400 tokens at once, of prompts with 8 + 4 · 10: eight of them. Writing: 20 holdout responses."""
    assert said({"ppo.prompts_per_step": 64}).peak == 30_000 + 100 * (48 * 8 - 200) + (256 * 10 - 800)
    longer = said({"sample.max_new_tokens": 1000})
    assert longer.peak == 30_000 + 100 * (1008 - 200) + (16 * 1000 - 800), "one response is read in any case"
    writing = said({"ppo.prompts_per_step": 20}, costs=COSTS_OF_WRITING)
    assert writing.peak == 20_000 + 10_000 * (80 * 18 - 1000)
    at_most = said({"ppo.prompts_per_step": 256}, costs=COSTS_OF_WRITING)
    assert at_most.peak == 20_000 + 10_000 * (128 * 18 - 1000), "more are not written at once"
    assert writing.fits and not said(costs=SCARCE).fits


def test_a_processor_still_holds_what_writing_freed():
    on_cpu = RoundCosts(**(COSTS.to_json() | {"device": "cpu"}))
    many = {"ppo.prompts_per_step": 32}
    assert said(many, costs=on_cpu).peak == said(many).peak + 128 * 18 - 1000


COSTS_OF_WRITING = RoundCosts(**(COSTS.to_json() | {"cache_token": 10_000.0}))
SCARCE = RoundCosts(**(COSTS.to_json() | {"free": 9_000}))


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("plan.ratings", 64),
        ("sample.max_new_tokens", 20),
        ("ppo.steps", 4),
        ("ppo.prompts_per_step", 8),
        ("ppo.people_epochs", 4),
        ("ppo.epochs", 2),
    ],
)
def test_more_of_it_takes_longer(path, more):
    assert said({path: more}).train_s > said().train_s


def test_what_costs_nothing_changes_nothing():
    for path, value in {
        "ppo.learning_rate": 1e-3,
        "ppo.kl_budget": 9.0,
        "sample.system": "Be brief.",
    }.items():
        assert said({path: value}) == said()
    assert said({"ppo.people_epochs": 0}).phases[ON_RATINGS] == 0


def test_ratios_of_earlier_trainings_count():
    facts = HomeFacts(holdout=5, ratios={ON_ROLLOUTS: 2.0, READING: 0.5})
    before, after = said(), said(facts=facts)
    assert after.phases[ON_ROLLOUTS] == 2 * before.phases[ON_ROLLOUTS]
    assert after.phases[READING] == before.phases[READING] / 2
    assert after.writing_s == 2 * before.writing_s, "nobody keeps how long writing took"


def test_peoples_time():
    assert (said().rating_s, said().pace_known) == (16 * 30, False)
    known = said(facts=HomeFacts(per_hour=60.0))
    assert (known.rating_s, known.pace_known) == (16 * 60, True)


def test_lengths():
    assert expected_length(96, None, 0) == 96
    assert expected_length(96, 96.0, 96) == 96, "none ended by itself"
    assert expected_length(96, 40.0, 96) == pytest.approx(40)
    assert 40 < expected_length(400, 40.0, 96) < 60, "longer ones were few"
    assert expected_length(20, 40.0, 96) < 20
    hazard = 0.02
    mean = [(1 - math.exp(-hazard * n)) / hazard for n in (96, 192)]
    assert expected_length(192, mean[0], 96) == pytest.approx(mean[1])


def test_prompts_of_a_round():
    assert [count_prompts(64, 2, False), count_prompts(65, 2, False), count_prompts(8, 16, False)] == [
        32,
        33,
        1,
    ]
    assert [count_prompts(64, 2, True), count_prompts(64, 3, True), count_prompts(64, 4, True)] == [
        64,
        32,
        16,
    ]


def test_the_numbers_that_the_engine_has_too():
    assert estimate.ROLLOUTS_PER_PROMPT == ROLLOUTS_PER_PROMPT
    assert estimate.MEASURED_PER_PROMPT == MEASURED_PER_PROMPT
    assert estimate.PROMPTS_A_CHUNK == PROMPTS_A_CHUNK
    assert estimate.WATCHED == SAMPLED_PROMPTS


def test_costs_of_another_layout_are_none():
    assert RoundCosts.from_json(COSTS.to_json()) == COSTS
    assert RoundCosts.from_json(None) is None
    assert RoundCosts.from_json({"seconds": 3}) is None
