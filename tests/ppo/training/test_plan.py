"""ppo/training/plan.py: what a round asks for."""

from collections import Counter
from dataclasses import replace

import pytest

from ppo.config import Config, PlanConfig
from ppo.training.plan import plan_round, planned_by
from rater_data.errors import BadInput
from rater_data.records import Prompt

TRAIN = [replace(Prompt.of(f"train {i}", split="train"), id=i + 1) for i in range(60)]
HOLDOUT = [replace(Prompt.of(f"holdout {i}", split="holdout"), id=i + 101) for i in range(10)]
CONFIG = Config(plan=PlanConfig(ratings=64))


def test_the_plan_follows_from_number_and_seed_alone():
    one, same = (plan_round(CONFIG, 2, 1, 0, TRAIN, HOLDOUT, 4) for _ in range(2))
    other = plan_round(CONFIG, 3, 1, 0, TRAIN, HOLDOUT, 4)
    assert one == same
    assert [s.prompt for s in one] != [s.prompt for s in other]


def test_slots_are_numbered_and_prompts_stand_together():
    slots = plan_round(CONFIG, 1, 0, None, TRAIN, HOLDOUT, 4)
    assert [s.slot for s in slots] == list(range(64))
    assert len({s.prompt.id for s in slots}) == 32
    for i in range(0, 64, 2):
        assert len({s.prompt.id for s in slots[i : i + 2]}) == 1


@pytest.mark.parametrize("raters", [1, 3])
def test_one_rater_can_fill_the_quota(raters):
    for quota in (1, 5, 64, 130):
        slots = plan_round(
            replace(CONFIG, plan=PlanConfig(ratings=quota)), 1, 0, None, TRAIN, HOLDOUT, raters
        )
        assert len(slots) >= quota


def test_the_first_round_has_no_control_and_the_second_pairs_it_with_the_new():
    assert all(s.version == 0 for s in plan_round(CONFIG, 1, 0, None, TRAIN, HOLDOUT, 4))
    slots = plan_round(CONFIG, 2, 1, 0, TRAIN, HOLDOUT, 4)
    control = [s for s in slots if s.stratum == "control"]
    assert len(control) == 16  # of 64, each beside one of the new version: a quarter
    assert {s.version for s in control} == {0}
    for s in control:
        beside = [o for o in slots if o.prompt.id == s.prompt.id]
        assert Counter(o.version for o in beside) == {0: 1, 1: 1}


def test_what_several_raters_see_is_of_the_control_arm_where_there_is_one():
    """Each of its ratings then tells of raters and of versions."""
    for number, previous in ((1, None), (2, 0)):
        slots = plan_round(CONFIG, number, 1, previous, TRAIN, HOLDOUT, 4)
        shared = [s for s in slots if s.overlap > 1]
        strata = Counter(s.stratum for s in shared)
        assert strata == ({"calibration": 4} if previous is None else {"calibration": 2, "control": 2})
        assert all(s.overlap == 4 for s in shared)


@pytest.mark.parametrize(("raters", "overlap"), [(1, 1), (2, 2), (3, 3), (10, 4)])
def test_as_many_see_the_same_as_there_are_but_no_more_than_wanted(raters, overlap):
    """One rater alone is asked for no overlap: it would tell nothing."""
    slots = plan_round(CONFIG, 1, 0, None, TRAIN, HOLDOUT, raters)
    assert max(s.overlap for s in slots) == overlap
    assert sum(s.overlap for s in slots if s.overlap > 1) == pytest.approx(
        0 if raters == 1 else 0.25 * 64, abs=overlap * 2
    )


@pytest.mark.parametrize(("k", "prompts"), [(2, 64), (3, 32), (4, 16), (8, 8)])
def test_who_compares_alone_can_fill_the_round(k, prompts):
    """A prompt with two responses is one comparison for a rater, and one with three two at least."""
    plan = PlanConfig(ratings=64, responses_per_prompt=k)
    slots = plan_round(replace(CONFIG, plan=plan), 1, 0, None, TRAIN, [], 1, paired=True)
    assert len(slots) == prompts * k == planned_by(plan, 1, paired=True)["expected_responses"]
    assert len(plan_round(replace(CONFIG, plan=plan), 1, 0, None, TRAIN, [], 1)) == -(-64 // k) * k


@pytest.mark.parametrize("share", [0.0, 0.12, 0.25, 0.5])
@pytest.mark.parametrize("ratings", [64, 200])
def test_the_control_arm_has_its_share(share, ratings):
    plan = PlanConfig(ratings=ratings, control_share=share)
    slots = plan_round(replace(CONFIG, plan=plan), 2, 1, 0, TRAIN, HOLDOUT, 4)
    control = sum(s.stratum == "control" for s in slots)
    half_a_prompt = plan.responses_per_prompt / 2  # a prompt gives half of its responses to the control arm
    room = (
        sum(s.prompt.split == "train" for s in slots) / 2
    )  # the new version has the other half of every prompt
    assert control == pytest.approx(min(share * len(slots), room), abs=half_a_prompt / 2)


def test_strata_have_their_shares_and_overlap():
    slots = plan_round(CONFIG, 1, 0, None, TRAIN, HOLDOUT, 4)
    strata = Counter(s.stratum for s in slots)
    assert strata["calibration"] == 4  # two prompts: 4 responses × 4 raters are 16 of the 64 ratings
    assert strata["holdout"] == 4
    assert all(s.overlap == (4 if s.stratum == "calibration" else 1) for s in slots)


def test_holdout_prompts_are_never_train_slots():
    for s in plan_round(CONFIG, 5, 3, 2, TRAIN, HOLDOUT, 4):
        assert (s.stratum == "holdout") == (s.prompt.split == "holdout")


def test_few_prompts_are_used_over_again():
    slots = plan_round(CONFIG, 1, 0, None, TRAIN[:3], [], 4)
    assert len(slots) == 64


def test_no_prompt_is_a_sentence():
    with pytest.raises(BadInput, match="import-prompts"):
        plan_round(CONFIG, 1, 0, None, [], HOLDOUT, 4)
