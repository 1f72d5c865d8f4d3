"""ppo/algorithm/ppo_update.py: what one update does to a tiny policy, and what must not change it."""

import math
from dataclasses import replace

import pytest
import torch

from ppo.algorithm.batches import minibatches_of
from ppo.algorithm.experience import (
    build_experience,
    evaluate_rollout,
    experience_metrics,
)
from ppo.algorithm.maths import mean_length_elsewhere, prefix_values
from ppo.algorithm.ppo_update import TrainState, ppo_update, warm_up_critic
from ppo.algorithm.reading import response_features
from ppo.config import Config, LoraSettings, PPOConfig
from ppo.model.loading.tiny_model import tiny_model
from ppo.model.policy import Policy
from ppo.model.rollout import rollout_of

CPU = torch.device("cpu")
CONFIG = Config(lora=LoraSettings(r=4, alpha=8), ppo=replace(PPOConfig(), minibatch=4, learning_rate=1e-3))


@pytest.fixture
def policy():
    return Policy(tiny_model(CPU), CONFIG.lora, "fp32", seed=0)


@pytest.fixture
def rollout():
    draw = torch.Generator().manual_seed(0)
    responses = [torch.randint(0, 250, (n,), generator=draw).tolist() for n in (3, 7, 1, 5, 6, 2, 4, 0)]
    prompts = [[5, 6, 7]] * 4 + [[9, 10, 11, 12]] * 4
    return rollout_of(prompts, responses, [False] * 8, [0] * 4 + [1] * 4, 0, CPU)


def learn(policy, rollout, config=CONFIG, scores=None, epochs=1):
    state = TrainState.begin(policy, config.ppo, 1)
    evaluated = evaluate_rollout(policy, rollout, (0, 2), config)
    scores = torch.tensor([1.0, -1, 1, -1, 1, -1, 1, -1]) if scores is None else scores
    experience = build_experience(evaluated, scores, state.kl.coef, 0.95)
    return state, experience, ppo_update(state, experience, config, epochs, seed=3)


def test_kl_to_the_reference_is_0_before_the_first_update(policy, rollout):
    evaluated = evaluate_rollout(policy, rollout, (), CONFIG)
    assert (evaluated.kl_per_response() == 0).all()


def test_with_a_learning_rate_of_0_new_is_old_on_every_micro_batch(policy, rollout):
    still = replace(CONFIG, ppo=replace(CONFIG.ppo, learning_rate=0.0, value_learning_rate=0.0))
    _, experience, metrics = learn(policy, rollout, still, epochs=2)
    assert metrics["ratio_gap"] <= 1e-4
    for index in (part for minibatch in experience.evaluated.minibatches for part in minibatch):
        part = rollout.take(index)
        new = policy.forward(part, still.sample.temperature).logprobs
        old = experience.evaluated.logprobs[index, : new.shape[1]]
        assert float((new - old).detach().abs().max()) <= 1e-4


def test_an_update_moves_lora_b_and_no_base_weight(policy, rollout):
    base = {n: p.detach().clone() for n, p in policy.peft.named_parameters() if "lora_" not in n}
    learn(policy, rollout)
    assert any(p.abs().sum() > 0 for n, p in policy.peft.named_parameters() if "lora_B" in n)
    assert all(torch.equal(p, base[n]) for n, p in policy.peft.named_parameters() if "lora_" not in n)


def test_an_update_raises_what_was_scored_high_and_lowers_the_rest(policy, rollout):
    _, experience, _ = learn(policy, rollout, epochs=4)
    with torch.no_grad():
        new = policy.forward(rollout, CONFIG.sample.temperature).logprobs
    change = (new - experience.evaluated.logprobs).sum(1)
    high, low = change[[0, 2, 4, 6]], change[[1, 3, 5]]
    assert float(high.mean()) > float(low.mean())


def test_a_flipped_score_moves_the_other_way(policy, rollout):
    flipped = torch.tensor([-1.0, 1, -1, 1, -1, 1, -1, 1])
    _, experience, _ = learn(policy, rollout, scores=flipped, epochs=4)
    with torch.no_grad():
        change = (
            policy.forward(rollout, CONFIG.sample.temperature).logprobs - experience.evaluated.logprobs
        ).sum(1)
    assert float(change[[0, 2, 4, 6]].mean()) < float(change[[1, 3, 5]].mean())


def test_a_token_that_another_program_drew_counts_by_its_weight(rollout):
    """Drawn alike, the update is the same to the bit; drawn where the policy never would, nothing is learned of it."""
    ends, losses = [], []
    for more in (None, 0.0, 30.0, -30.0):
        policy = Policy(tiny_model(CPU), CONFIG.lora, "fp32", seed=0)
        drawn = rollout
        if more is not None:
            own = evaluate_rollout(policy, rollout, (), CONFIG).logprobs
            drawn = replace(rollout, generator_logprobs=own + more)
        _, _, metrics = learn(policy, drawn)
        ends.append({n: t for n, t in policy.adapter_state().items() if "lora_B" in n})
        losses.append(metrics["policy_loss"])
    assert all(torch.equal(ends[0][n], ends[1][n]) for n in ends[0])
    assert losses[0] == losses[1] != 0
    assert all(float(t.abs().max()) < 1e-9 for t in ends[2].values())
    assert losses[3] != losses[0], "twice is the most that a token can count"


def test_the_kl_coefficient_does_not_steer_below_where_the_round_starts(policy):
    target = CONFIG.ppo.kl_target
    assert TrainState.begin(policy, CONFIG.ppo, 1).kl.target == target
    assert TrainState.begin(policy, CONFIG.ppo, 2, start_kl=target + 3).kl.target == target + 3
    assert TrainState.begin(policy, CONFIG.ppo, 2, start_kl=target - 3).kl.target == target


def test_bf16_learns_what_fp32_learns(rollout):
    """The whole step in bf16, as on a chip that multiplies it: gate green, KL 0 at first, the same direction."""
    ways = []
    for precision in ("fp32", "bf16"):
        policy = Policy(tiny_model(CPU), CONFIG.lora, precision, seed=0)
        start = policy.adapter_state()
        _, experience, metrics = learn(policy, rollout, epochs=2)
        assert metrics["ratio_gap"] <= 1e-4
        assert (experience.evaluated.kl_per_response() == 0).all()
        assert metrics["dropped"] == 0
        end = policy.adapter_state()
        ways.append(torch.cat([(end[n] - start[n]).flatten() for n in sorted(end) if "lora_B" in n]))
    assert float(torch.nn.functional.cosine_similarity(ways[0], ways[1], dim=0)) > 0.8


def test_equal_scores_and_no_kl_teach_nothing(policy, rollout):
    evaluated = evaluate_rollout(policy, rollout, (), CONFIG)
    experience = build_experience(evaluated, torch.full((8,), 3.0), 0.05, 0.95)
    assert experience.advantages.abs().max() < 1e-6


def test_order_of_the_batch_changes_no_advantage(policy, rollout):
    scores = torch.tensor([0.5, -1.0, 2.0, 0.0, 1.0, -0.3, 0.7, 0.1])
    turned = torch.tensor([7, 3, 0, 5, 1, 6, 2, 4])
    whole = build_experience(evaluate_rollout(policy, rollout, (), CONFIG), scores, 0.05, 0.95)
    other = build_experience(
        evaluate_rollout(policy, rollout.take(turned), (), CONFIG), scores[turned], 0.05, 0.95
    )
    torch.testing.assert_close(other.advantages, whole.advantages[turned], atol=1e-5, rtol=1e-5)


def test_the_critic_begins_with_what_the_head_says_of_the_tokens_so_far(policy, rollout):
    weights = torch.randn(128, generator=torch.Generator().manual_seed(0))
    evaluated = evaluate_rollout(policy, rollout, (0, 2), CONFIG, weights=weights)
    with torch.no_grad(), policy.reference():
        _, kept = policy.hidden_states(rollout, (0, 2))
    credit = rollout.spread(torch.cat(kept, dim=1) @ weights)
    length = mean_length_elsewhere(rollout.response_mask, rollout.group)
    wanted = prefix_values(credit, rollout.response_mask, rollout.group, length)
    torch.testing.assert_close(evaluated.prefix_values, wanted, atol=1e-5, rtol=1e-4)
    assert evaluated.prefix_values.abs().max() > 0
    assert torch.equal(evaluated.values, evaluated.prefix_values), "the value head itself is 0 at first"


@pytest.mark.parametrize(("precision", "off"), [("fp32", 1e-5), ("bf16", 0.02)])
def test_smaller_micro_batches_give_the_same_update(rollout, precision, off):
    """Adam takes signs of the smallest gradients, so what is compared is what it is given: the summed gradients."""
    found = []
    for tokens in (1000, 12, 1):
        policy = Policy(tiny_model(CPU), CONFIG.lora, precision, seed=0)
        policy.microbatch_tokens = tokens
        config = replace(CONFIG, ppo=replace(CONFIG.ppo, minibatch=8, learning_rate=0.0))
        state, experience, metrics = learn(policy, rollout, config)
        assert metrics["ratio_gap"] <= 1e-4, "read and trained in the same micro-batches"
        parts = sum(len(minibatch) for minibatch in experience.evaluated.minibatches)
        adam = state.optimizer.state
        found.append(
            (parts, metrics, torch.cat([adam[p]["exp_avg"].flatten() for p in policy.adapter_parameters()]))
        )
    assert [parts for parts, _, _ in found] == [1, 5, 8]
    for _, metrics, gradient in found[1:]:
        assert float((gradient - found[0][2]).norm() / found[0][2].norm()) < off
        assert metrics == pytest.approx(found[0][1], abs=off)


def test_a_non_finite_gradient_is_dropped_and_the_state_restored(policy, rollout):
    state = TrainState.begin(policy, CONFIG.ppo, 1)
    experience = build_experience(evaluate_rollout(policy, rollout, (), CONFIG), torch.randn(8), 0.05, 0.95)
    broken = replace(experience, advantages=torch.full_like(experience.advantages, math.nan))
    before = policy.adapter_state()
    metrics = ppo_update(state, broken, CONFIG, 1, seed=0)
    assert metrics["dropped"] == 1
    after = policy.adapter_state()
    assert all(torch.equal(after[n], before[n]) for n in before)
    assert ppo_update(state, experience, CONFIG, 1, seed=0)["dropped"] == 0, "it goes on afterwards"


def test_warming_the_critic_moves_the_critic_alone_and_lowers_its_error(policy, rollout):
    state = TrainState.begin(policy, CONFIG.ppo, 1)
    experience = build_experience(evaluate_rollout(policy, rollout, (), CONFIG), torch.randn(8), 0.05, 0.95)
    before = policy.adapter_state()
    warmed = warm_up_critic(state, experience, CONFIG.ppo)
    after = policy.adapter_state()
    assert all(torch.equal(after[n], before[n]) for n in before)
    mask = rollout.response_mask

    def error(evaluated):
        return float(((evaluated.evaluated.values - experience.returns)[mask] ** 2).mean())

    assert error(warmed) < error(experience)


def test_the_kl_stop_ends_the_epochs(policy, rollout):
    hasty = replace(CONFIG, ppo=replace(CONFIG.ppo, learning_rate=0.1, kl_stop=1e-4))
    _, _, metrics = learn(policy, rollout, hasty, epochs=5)
    assert metrics["stopped"] == 1
    assert metrics["updates"] < 5 * len(minibatches_of(rollout, hasty.ppo.minibatch, 1000))


def test_the_same_seed_gives_the_same_adapter(rollout):
    found = []
    for _ in range(2):
        policy = Policy(tiny_model(CPU), CONFIG.lora, "fp32", seed=0)
        learn(policy, rollout, epochs=2)
        found.append(policy.adapter_state())
    assert all(torch.equal(found[0][n], found[1][n]) for n in found[0])


def test_features_are_means_over_the_response_with_length_and_ending(rollout):
    n = int(rollout.response_mask.sum())
    layer = torch.arange(n, dtype=torch.float32).unsqueeze(1)
    got = response_features(rollout, [layer])
    start = 0
    for b, length in enumerate(rollout.lengths.tolist()):
        mean = sum(range(start, start + length)) / length if length else 0.0
        assert got[b].tolist() == pytest.approx([mean, math.log1p(length), 0.0])
        start += length


def test_describe_counts_in_nats_per_response(policy, rollout):
    evaluated = evaluate_rollout(policy, rollout, (), CONFIG)
    moved = replace(evaluated, ref_logprobs=torch.where(rollout.response_mask, evaluated.logprobs - 0.5, 0.0))
    experience = build_experience(moved, torch.zeros(8), 0.1, 0.95)
    found = experience_metrics(experience, 0.1)
    mean = 0.5 * float(rollout.lengths.float().mean())
    assert found["kl"] == pytest.approx(mean, rel=1e-5)
    assert found["reward"] == pytest.approx(-0.1 * mean, rel=1e-5)
