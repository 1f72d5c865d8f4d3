"""ppo/algorithm/maths.py against the oracle, the golden table, closed forms and properties; and the wrong ones fail."""

import json
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ppo.algorithm import maths
from tests import oracle
from tests.paths import GOLDEN as GOLDEN_FILES

GOLDEN = json.loads((GOLDEN_FILES / "gae_whitening.json").read_text())
numbers = st.floats(-5, 5, allow_nan=False, width=32)


@st.composite
def batches(draw, columns=3, least=1):
    """A few responses of different lengths; each token has `columns` numbers."""
    lengths = draw(st.lists(st.integers(least, 6), min_size=2, max_size=5))
    return [[[draw(numbers) for _ in range(n)] for n in lengths] for _ in range(columns)]


def padded(rows, pad=99.0, extra=0):
    width = max(map(len, rows)) + extra
    values = torch.tensor([r + [pad] * (width - len(r)) for r in rows], dtype=torch.float64)
    mask = torch.tensor([[True] * len(r) + [False] * (width - len(r)) for r in rows])
    return values, mask


def rows_of(tensor, mask):
    return [t[m].tolist() for t, m in zip(tensor, mask, strict=True)]


def close(got, wanted, tolerance=1e-9):
    for g, w in zip(got, wanted, strict=True):
        # float64: only the order of sums differs, by some 1e-16 of the largest number
        assert g == pytest.approx(w, rel=1e-12, abs=tolerance)


@given(batches(2), st.floats(0.5, 1), st.floats(0, 1))
def test_gae_is_the_definition(batch, gamma, lam):
    rewards, mask = padded(batch[0])
    values, _ = padded(batch[1], pad=-7.0)
    advantages, returns = maths.gae(rewards, values, mask, gamma, lam)
    wanted = [oracle.gae(r, v, gamma, lam) for r, v in zip(*batch, strict=True)]
    close(rows_of(advantages, mask), [w[0] for w in wanted])
    close(rows_of(returns, mask), [w[1] for w in wanted])
    assert (advantages[~mask] == 0).all()
    assert (returns[~mask] == 0).all()


def golden(name):
    return torch.tensor(GOLDEN[name], dtype=torch.float64)


def test_gae_matches_the_golden_table():
    mask = golden("mask").bool()
    advantages, returns = maths.gae(
        golden("rewards"), golden("values"), mask, GOLDEN["gamma"], GOLDEN["gae_lambda"]
    )
    # 2e-3: the table's rewards were recovered from numbers printed with 4 decimals
    torch.testing.assert_close(advantages[mask], golden("advantages")[mask], atol=2e-3, rtol=0)
    torch.testing.assert_close(returns[mask], golden("returns")[mask], atol=2e-3, rtol=0)


def test_whitening_matches_the_golden_table():
    mask = golden("mask").bool()
    white = maths.masked_whiten(golden("advantages"), mask)
    # 5e-4: the table's advantages are printed with 4 decimals
    torch.testing.assert_close(white[mask], golden("whitened_advantages")[mask], atol=5e-4, rtol=0)


def test_the_wrong_variance_and_the_dropped_mask_miss_the_golden_table():
    mask, x, wanted = golden("mask").bool(), golden("advantages"), golden("whitened_advantages")
    inside = x[mask]
    biased = (inside - inside.mean()) / inside.std(unbiased=False)
    assert (biased - wanted[mask]).abs().max() > 5e-4
    unmasked = (x - x.mean()) / x.std()
    assert (unmasked - wanted)[mask].abs().max() > 5e-4


def test_gae_with_lambda_1_is_the_discounted_return():
    rewards, mask = padded([[1.0, 2.0, 3.0], [4.0]])
    values, _ = padded([[0.3, -0.2, 0.9], [0.5]])
    _, returns = maths.gae(rewards, values, mask, 0.9, 1.0)
    close(rows_of(returns, mask), [[1 + 0.9 * 2 + 0.81 * 3, 2 + 0.9 * 3, 3.0], [4.0]])


def test_gae_with_lambda_0_is_one_step_ahead():
    rewards, mask = padded([[1.0, 2.0]])
    values, _ = padded([[0.5, 0.25]])
    advantages, _ = maths.gae(rewards, values, mask, 1.0, 0.0)
    close(rows_of(advantages, mask), [[1 + 0.25 - 0.5, 2 - 0.25]])


def test_a_dropped_mask_is_seen():
    rewards, mask = padded([[1.0, 2.0, 3.0], [4.0]])
    values, _ = padded([[0.3, -0.2, 0.9], [0.5]])
    right, _ = maths.gae(rewards, values, mask, 1.0, 0.95)
    wrong, _ = maths.gae(rewards, values, torch.ones_like(mask), 1.0, 0.95)
    assert not torch.allclose(right[mask], wrong[mask])


@given(batches(1, least=2))
def test_whitening_is_the_oracle(batch):
    x, mask = padded(batch[0])
    for shift in (True, False):
        # 1e-5: numbers of up to 5 over a deviation that may be as small as √1e-8
        close(rows_of(maths.masked_whiten(x, mask, shift), mask), oracle.whiten(batch[0], shift), 1e-5)


@given(batches(3), st.floats(0.05, 0.5))
def test_losses_are_the_oracle(batch, eps):
    new, mask = padded(batch[0])
    old, _ = padded(batch[1], pad=-50.0)
    third, _ = padded(batch[2], pad=7.0)
    assert float(maths.policy_loss(new, old, third, mask, eps).loss) == pytest.approx(
        oracle.policy_loss(*batch, eps), rel=1e-9, abs=1e-9
    )
    assert float(maths.value_loss(new, old, third, mask, eps).loss) == pytest.approx(
        oracle.value_loss(*batch, eps), rel=1e-9, abs=1e-9
    )


@given(batches(4), st.floats(0.05, 0.5))
def test_the_loss_of_tokens_that_another_program_drew_is_the_oracle(batch, eps):
    new, mask = padded(batch[0])
    old, _ = padded(batch[1], pad=-50.0)
    advantages, _ = padded(batch[2], pad=7.0)
    drawn, _ = padded(batch[3], pad=math.nan)
    weights = maths.importance_weights(old, drawn, mask)
    assert (weights[~mask] == 1).all()
    found = maths.policy_loss(new, old, advantages, mask, eps, weights).loss
    wanted = oracle.policy_loss(*batch[:3], eps, batch[3])
    assert float(found) == pytest.approx(wanted, rel=1e-9, abs=1e-9)
    share = maths.effective_share(torch.where(mask, old - drawn, 0.0), mask)
    log_weights = [
        [o - d for o, d in zip(*rows, strict=True)] for rows in zip(batch[1], batch[3], strict=True)
    ]
    assert float(share) == pytest.approx(oracle.effective_share(log_weights), rel=1e-9)


@given(batches(3))
def test_weights_of_1_change_the_loss_by_no_bit(batch):
    rows = [padded(part)[0].float() for part in batch]
    mask = padded(batch[0])[1]
    old = rows[1]
    weights = maths.importance_weights(old, old.clone(), mask)
    plain = maths.policy_loss(*rows, mask, 0.2)
    assert torch.equal(maths.policy_loss(*rows, mask, 0.2, weights).loss, plain.loss)


def test_weights_take_out_what_another_program_drew_otherwise():
    # Four tokens, drawn by q and learned by p: the mean of w·f over q's draws is the mean of f over p
    p, q = torch.tensor([0.4, 0.3, 0.2, 0.1]), torch.tensor([0.25, 0.25, 0.25, 0.25])
    f = torch.tensor([1.0, -2.0, 3.0, 5.0])
    mask = torch.ones(1, 4, dtype=torch.bool)
    weights = maths.importance_weights(p.log()[None], q.log()[None], mask)[0]
    assert float((q * weights * f).sum()) == pytest.approx(float((p * f).sum()))
    assert float((q * f).sum()) != pytest.approx(float((p * f).sum()), abs=0.1), (
        "without them it is another mean"
    )
    turned = maths.importance_weights(q.log()[None], p.log()[None], mask)[0]
    assert float((q * turned * f).sum()) != pytest.approx(float((p * f).sum()), abs=0.1), "upside down, too"
    rare = maths.importance_weights(torch.tensor([[-0.1]]), torch.tensor([[-9999.0]]), mask[:, :1])
    assert float(rare) == 2, "what the other program hardly ever draws counts twice at most"
    # sums of logarithms near 1000, in fp32
    assert float(maths.effective_share(torch.full((1, 4), 500.0), mask)) == pytest.approx(1, abs=1e-4)
    assert float(maths.effective_share(torch.zeros(1, 4), ~mask)) == 1


@given(batches(3))
def test_padding_and_order_change_no_loss_and_no_gradient(batch):
    def loss_and_gradient(rows, extra):
        new, mask = padded(rows[0], extra=extra)
        new.requires_grad_()
        old, _ = padded(rows[1], extra=extra)
        advantages, _ = padded(rows[2], pad=math.nan, extra=extra)
        loss = maths.policy_loss(new, old, torch.where(mask, advantages, 0.0), mask, 0.2).loss
        loss.backward()
        return loss.item(), rows_of(new.grad, mask)

    loss, gradient = loss_and_gradient(batch, 0)
    wide_loss, wide_gradient = loss_and_gradient(batch, 3)
    assert loss == pytest.approx(wide_loss, rel=1e-12, abs=1e-12)
    close(gradient, wide_gradient, 1e-12)
    turned_loss, turned = loss_and_gradient([list(reversed(rows)) for rows in batch], 0)
    assert loss == pytest.approx(turned_loss, rel=1e-12, abs=1e-12)
    close(gradient, list(reversed(turned)), 1e-12)


def test_a_flipped_sign_is_seen():
    new, old = torch.tensor([[-1.0, -2.0]]), torch.tensor([[-1.0, -2.0]])
    new.requires_grad_()
    advantages, mask = torch.tensor([[1.0, 1.0]]), torch.ones(1, 2, dtype=torch.bool)
    maths.policy_loss(new, old, advantages, mask, 0.2).loss.backward()
    # A positive advantage must raise the log-probability: descent goes against the gradient
    assert (new.grad < 0).all()


def test_token_rewards_pay_the_score_on_the_last_token():
    logprobs, mask = padded([[-1.0, -2.0, -0.5], [-3.0], []])
    ref, _ = padded([[-1.5, -1.0, -0.5], [-2.0], []])
    scores = torch.tensor([2.0, -1.0, 5.0], dtype=torch.float64)
    got = maths.token_rewards(scores, logprobs, ref, mask, 0.1)
    wanted = [
        oracle.token_rewards(2.0, [-1.0, -2.0, -0.5], [-1.5, -1.0, -0.5], 0.1),
        oracle.token_rewards(-1.0, [-3.0], [-2.0], 0.1),
        [],
    ]
    close(rows_of(got, mask), wanted)
    assert (got[~mask] == 0).all(), "an empty response earns nothing"


@given(st.lists(numbers, min_size=3, max_size=8), st.floats(0.3, 2))
def test_logprobs_and_entropy(logits, temperature):
    tensor = torch.tensor([logits] * len(logits))
    got = maths.logprobs_of(tensor, torch.arange(len(logits)), temperature)
    wanted = oracle.softmax_log(logits, temperature)
    assert got.tolist() == pytest.approx(wanted, abs=1e-4)  # fp32 against double
    entropy = -sum(math.exp(p) * p for p in wanted)
    assert float(maths.entropy_of(tensor[0], temperature)) == pytest.approx(entropy, abs=1e-4)


@given(st.lists(st.tuples(numbers, st.integers(0, 2)), min_size=1, max_size=9))
def test_leave_one_out_is_the_oracle(pairs):
    scores, group = [p[0] for p in pairs], [p[1] for p in pairs]
    got = maths.leave_one_out(torch.tensor(scores, dtype=torch.float64), torch.tensor(group))
    assert got.tolist() == pytest.approx(oracle.leave_one_out(scores, group), abs=1e-9)


@given(batches(1, least=0), st.lists(st.integers(0, 1), min_size=5, max_size=5))
def test_prefix_values_are_the_oracle(batch, group):
    credit, mask = padded(batch[0]) if any(batch[0]) else (torch.zeros(len(batch[0]), 1), None)
    mask = torch.zeros_like(credit, dtype=torch.bool) if mask is None else mask
    group = group[: len(credit)]
    got = maths.prefix_values(credit.double(), mask, torch.tensor(group), torch.full((len(credit),), 7.0))
    close(rows_of(got, mask), oracle.prefix_values(batch[0], group, 7))
    assert (got[~mask] == 0).all()


def test_prefix_values_know_nothing_of_what_comes_later():
    credit, mask = torch.randn(4, 6), torch.ones(4, 6, dtype=torch.bool)
    changed = credit.clone()
    changed[0, 3:] += 1.0
    group = torch.tensor([0, 1, 2, 3])
    before, after = (maths.prefix_values(c, mask, group, torch.full((4,), 6.0)) for c in (credit, changed))
    torch.testing.assert_close(before[0, :4], after[0, :4], atol=1e-6, rtol=0)
    assert not torch.equal(before[0, 4:], after[0, 4:])


def test_with_prefix_values_each_token_gets_its_own_credit():
    """λ = 0, no KL, a score that is nothing but the mean of its tokens' credit: A_t = (credit_t − mean) / length."""
    credit, mask = torch.randn(4, 5, dtype=torch.float64), torch.ones(4, 5, dtype=torch.bool)
    group = torch.tensor([0, 0, 1, 1])
    length = maths.mean_length_elsewhere(mask, group)
    assert length.tolist() == [5.0] * 4
    values = maths.prefix_values(credit, mask, group, length)
    zero = torch.zeros_like(credit)
    scores = maths.leave_one_out(credit.mean(1), group)
    advantages, _ = maths.gae(maths.token_rewards(scores, zero, zero, mask, 0.05), values, mask, 1.0, 0.0)
    other = credit.mean(1)[[1, 0, 3, 2]]
    torch.testing.assert_close(advantages, (credit - other.unsqueeze(1)) / 5)


def test_the_expected_length_is_that_of_answers_to_other_prompts():
    mask = torch.arange(6).unsqueeze(0) < torch.tensor([1, 3, 6, 5]).unsqueeze(1)
    assert maths.mean_length_elsewhere(mask, torch.tensor([0, 0, 1, 2])).tolist() == pytest.approx(
        [5.5, 5.5, 3.0, 10 / 3]
    )
    assert maths.mean_length_elsewhere(mask, torch.zeros(4)).tolist() == [6.0] * 4, (
        "one prompt: as long as it can be"
    )
    assert maths.mean_length_elsewhere(mask & False, torch.arange(4)).tolist() == [1.0] * 4


@settings(max_examples=20)
@given(st.integers(0, 1000))
def test_k3_estimates_the_kl_and_is_never_negative(seed):
    generator = torch.Generator().manual_seed(seed)
    p, q = torch.softmax(torch.randn(2, 5, generator=generator, dtype=torch.float64), -1)
    terms = maths.k3(p.log(), q.log())
    assert (terms >= 0).all()
    assert float((p * terms).sum()) == pytest.approx(float((p * (p / q).log()).sum()), abs=1e-9)


def test_masked_mean_ignores_what_is_masked_even_nan():
    x, mask = torch.tensor([[1.0, math.nan]]), torch.tensor([[True, False]])
    assert float(maths.masked_mean(x, mask)) == 1.0
    assert float(maths.masked_mean(x, torch.zeros_like(mask))) == 0.0


def test_explained_variance_of_a_perfect_a_useless_and_a_constant_critic():
    returns, mask = padded([[1.0, 2.0], [3.0]])
    assert float(maths.explained_variance(returns, returns, mask)) == pytest.approx(1)
    assert float(maths.explained_variance(torch.zeros_like(returns), returns, mask)) == pytest.approx(0)
    flat = torch.ones_like(returns)
    assert float(maths.explained_variance(flat, flat, mask)) == 0


def test_kl_controllers():
    fixed = maths.FixedKL(0.1)
    fixed.update(100, 64)
    assert fixed.coef == 0.1
    adaptive = maths.AdaptiveKL(0.1, target=6, horizon=100)
    adaptive.update(12, 10)  # far above: the error is held at +0.2
    assert adaptive.coef == pytest.approx(0.1 * 1.02)
    adaptive.update(6, 10)
    assert adaptive.coef == pytest.approx(0.1 * 1.02)
    adaptive.update(5.4, 10)
    assert adaptive.coef == pytest.approx(0.1 * 1.02 * 0.99)
