"""ppo/algorithm/rules.py: each rule holds on a good step, and each is seen when it is broken."""

import pytest

from ppo.algorithm.rules import check_rules

GOOD = {
    "kl": 2.0,
    "kl_se": 0.5,
    "ratio_gap": 0.0,
    "eos_share": 0.3,
    "dropped": 0.0,
    "sampling_gap": 0.01,
    "generator_gap": 0.02,
    "generator_effective": 0.998,
}
RULES = {
    "same reading twice": {"ratio_gap": 2e-4},
    "KL is not negative": {"kl": -1.6},
    "responses end": {"eos_share": 0.0},
    "numbers are finite": {"dropped": 1.0},
    "written as read": {"sampling_gap": 0.2},
    "generator agrees": {"generator_gap": 0.15},
    "starts at the reference": {"kl": 0.01},
}


def found(metrics, first=False):
    return {result["rule"]: result for result in check_rules(metrics, first=first, max_new_tokens=40)}


def test_a_good_step_breaks_no_rule():
    for first, metrics in ((False, GOOD), (True, GOOD | {"kl": 0.0, "kl_se": 0.0})):
        assert all(result["ok"] for result in found(metrics, first).values())
    assert set(found(GOOD | {"kl": 0.0}, True)) == set(RULES)


@pytest.mark.parametrize("rule", RULES)
def test_a_broken_rule_says_its_cause_and_its_cure(rule):
    first = rule == "starts at the reference"
    broken = found(GOOD | {"kl": 0.0 if first else 2.0} | RULES[rule], first)
    assert [name for name, result in broken.items() if not result["ok"]] == [rule]
    says = broken[rule]["says"]
    assert says.endswith(".")
    assert any(cure in says for cure in ("Train", "train", "Raise", "lower", "Restore", "Begin"))


def test_a_step_that_the_model_in_memory_wrote_has_no_generators_light():
    own = {name: value for name, value in GOOD.items() if not name.startswith("generator")}
    assert "generator agrees" not in found(own)


def test_a_step_without_responses_has_no_lights():
    assert check_rules({"score": 0.0, "kl": 0.0, "updates": 0.0}, first=True, max_new_tokens=40) == []
