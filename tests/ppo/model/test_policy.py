"""The one model in memory: packing, log-probabilities, reference, sampler. On tiny random models."""

import copy
from dataclasses import replace

import pytest
import torch

from ppo.algorithm.maths import entropy_of, logprobs_of
from ppo.config import LoraSettings, SampleConfig
from ppo.model import sampling
from ppo.model.decoders import ModuleDecoder
from ppo.model.lm_head import LMHead
from ppo.model.loading.tiny_model import tiny_model
from ppo.model.policy import Policy
from ppo.model.rollout import rollout_of
from ppo.model.row_packing import pack_rows
from ppo.model.sampling import draw_tokens, sample_responses, write_responses
from rater_data.errors import BadInput

CPU = torch.device("cpu")
T = 0.7


@pytest.fixture
def policy():
    made = Policy(tiny_model(CPU), LoraSettings(r=4, alpha=8), "fp32", seed=1)
    with torch.no_grad():  # an adapter that does something
        for i, parameter in enumerate(made.adapter_parameters()):
            parameter.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(i)) * 0.05)
    return made


def make_rollout(prompts, responses, group, ended=None):
    return rollout_of(prompts, responses, ended or [False] * len(responses), group, 0, CPU)


@pytest.fixture
def rollout():
    a, b = [5, 6, 7], [9, 10, 11, 12, 13]
    return make_rollout([a, a, b, b, b], [[1, 2], [3, 4, 5, 6], [7], [8, 9, 10], []], [0, 0, 1, 1, 1])


def plain_logprobs(policy, prompt, response):
    """One response, no padding, no packing: the model called as anybody would."""
    ids = torch.tensor([prompt + response])
    logits = policy.base.lm(input_ids=ids).logits[0, len(prompt) - 1 : -1]
    return logprobs_of(logits, torch.tensor(response), T)


def test_packed_reading_is_the_plain_model(policy, rollout):
    got = policy.forward(rollout, T)
    for b in range(len(rollout)):
        prompt = rollout.prompt_ids[b][rollout.prompt_mask[b]].tolist()
        response = rollout.response_ids[b][rollout.response_mask[b]].tolist()
        if response:
            wanted = plain_logprobs(policy, prompt, response)
            torch.testing.assert_close(got.logprobs[b, : len(response)], wanted, atol=1e-5, rtol=0)
    assert (got.logprobs[~rollout.response_mask] == 0).all()


def test_sharing_the_prompt_changes_no_number_and_no_gradient(policy, rollout):
    found = []
    for share in (True, False):
        policy.share_prompts = share
        reading = policy.forward(rollout, T)
        weights = torch.arange(rollout.response_mask.numel()).reshape(rollout.response_mask.shape).float()
        (reading.logprobs * weights).sum().backward()
        found.append((reading.logprobs.detach(), [p.grad.clone() for p in policy.adapter_parameters()]))
        for parameter in policy.adapter_parameters():
            parameter.grad = None
    torch.testing.assert_close(found[0][0], found[1][0], atol=1e-5, rtol=0)
    for one, other in zip(found[0][1], found[1][1], strict=True):
        torch.testing.assert_close(
            one, other, atol=1e-4, rtol=1e-4
        )  # sums of ~20 fp32 terms in another order


def test_padding_and_order_change_nothing(policy, rollout):
    whole = policy.forward(rollout, T).logprobs
    turned = torch.tensor([4, 2, 0, 3, 1])
    other = policy.forward(rollout.take(turned), T).logprobs
    for place, b in enumerate(turned.tolist()):
        n = int(rollout.lengths[b])
        torch.testing.assert_close(other[place, :n], whole[b, :n], atol=1e-5, rtol=0)


def test_a_wrong_attention_mask_would_be_seen(policy, rollout):
    """The packed rows would leak between responses if each could see the one before it."""
    packed = pack_rows(rollout)
    leaky = packed.attention | torch.ones_like(packed.attention).tril()
    right = policy.backbone(
        input_ids=packed.ids, attention_mask=packed.attention, position_ids=packed.positions
    )
    wrong = policy.backbone(input_ids=packed.ids, attention_mask=leaky, position_ids=packed.positions)
    assert (right.last_hidden_state - wrong.last_hidden_state).abs().max() > 1e-3


def test_reference_is_the_base_and_the_kl_is_0_before_training():
    fresh = Policy(tiny_model(CPU), LoraSettings(r=4, alpha=8), "fp32", seed=1)
    rollout = make_rollout([[5, 6]], [[1, 2, 3]], [0])
    with torch.no_grad():
        new = fresh.forward(rollout, T).logprobs
        with fresh.reference():
            ref = fresh.forward(rollout, T).logprobs
    assert torch.equal(new, ref)


def test_reference_ignores_the_adapter(policy, rollout):
    base = Policy(tiny_model(CPU), LoraSettings(r=4, alpha=8), "fp32", seed=1)
    with torch.no_grad(), policy.reference():
        got = policy.forward(rollout, T).logprobs
    with torch.no_grad():
        assert not torch.allclose(got, policy.forward(rollout, T).logprobs)
        torch.testing.assert_close(got, base.forward(rollout, T).logprobs, atol=1e-6, rtol=0)


def test_only_the_adapter_has_gradients(policy, rollout):
    policy.forward(rollout, T).logprobs.sum().backward()
    for name, parameter in policy.peft.named_parameters():
        assert (parameter.grad is not None) == ("lora_" in name), name


def test_values_do_not_move_the_policy(policy, rollout):
    torch.nn.init.normal_(policy.value_head.weight)
    policy.forward(rollout, T).values.sum().backward()
    assert policy.value_head.weight.grad.abs().sum() > 0
    assert all(p.grad is None or not p.grad.abs().any() for p in policy.adapter_parameters())


def test_value_head_starts_at_zero(rollout):
    fresh = Policy(tiny_model(CPU), LoraSettings(r=4, alpha=8), "fp32", seed=1)
    assert (fresh.forward(rollout, T).values == 0).all()


@pytest.mark.parametrize("cap", [None, 5.0])
@pytest.mark.parametrize("scale", [None, 0.3])
@pytest.mark.parametrize("bias", [False, True])
def test_fused_logprobs_are_the_plain_ones_with_their_gradient(monkeypatch, cap, scale, bias):
    """In four blocks of the vocabulary, the last one shorter, and in chunks of three rows."""
    monkeypatch.setattr("ppo.model.lm_head.BLOCK", 16)
    monkeypatch.setattr("ppo.model.lm_head.CHUNK_ROWS", 3)
    torch.manual_seed(0)
    rows = torch.randn(7, 16, requires_grad=True)
    head, ids = torch.nn.Linear(16, 50, bias=bias), torch.randint(0, 50, (7,))
    head.requires_grad_(False)
    config = type("C", (), {"final_logit_softcapping": cap, "logit_scale": scale})()
    upstream = torch.randn(7)
    logprobs, entropy = LMHead(head, config, bf16=False).logprobs(rows, ids, T)
    (logprobs * upstream).sum().backward()
    got, rows.grad = rows.grad.clone(), None
    logits = head(rows) * (scale or 1.0)
    logits = torch.tanh(logits / cap) * cap if cap else logits
    wanted = logprobs_of(logits, ids, T)
    (wanted * upstream).sum().backward()
    torch.testing.assert_close(logprobs, wanted, atol=1e-5, rtol=0)
    torch.testing.assert_close(entropy, entropy_of(logits.detach(), T), atol=1e-4, rtol=0)
    torch.testing.assert_close(got, rows.grad, atol=1e-5, rtol=1e-4)


def test_sampler_is_the_merged_policy(policy):
    decoder, ids = policy.decoder(), [5, 6, 7, 8]
    with torch.no_grad():
        merged = decoder.logits(decoder.prefill([ids], 1, 2), T)
        merged = torch.cat([merged, decoder.logits(decoder.step(torch.tensor([9])), T)])
        adapted = policy.base.lm(input_ids=torch.tensor([[*ids, 9]])).logits[0, -2:] / T
    torch.testing.assert_close(merged, adapted, atol=1e-5, rtol=0)


def test_what_has_no_probability_is_never_drawn():
    logits = torch.full((4000, 700), -torch.inf)
    possible = [0, 255, 256, 511, 513, 699]
    logits[:, possible] = torch.tensor([-3.0, -2.0, -1.0, 0.0, 0.0, -1.0])
    drawn = draw_tokens(logits, torch.rand(len(logits), generator=torch.Generator().manual_seed(0)))
    counts = torch.bincount(drawn, minlength=700)
    assert counts[possible].sum() == 4000
    wanted = torch.softmax(logits[0, possible], -1)
    error = (wanted * (1 - wanted) / 4000).sqrt()
    assert ((counts[possible] / 4000 - wanted).abs() < 4 * error).all()


def test_sampling_follows_the_policy():
    """Frequencies of the first token against the tempered softmax: the wrong temperature would be seen."""
    base = tiny_model(CPU)
    with torch.no_grad():
        base.lm.get_output_embeddings().weight *= 3  # a peaked distribution: there a wrong temperature shows
    prompt, draws = [5, 6, 7], 4000
    drawn = sample_responses(
        ModuleDecoder(base.lm), base, [prompt], draws, SampleConfig(temperature=T, max_new_tokens=1), seed=3
    )[0]
    counts = torch.bincount(
        torch.tensor([d.token_ids[0] for d in drawn]), minlength=base.lm.config.vocab_size
    )
    with torch.no_grad():
        logits = base.lm(input_ids=torch.tensor([prompt])).logits[0, -1]

    def chi2(temperature):
        expected = torch.softmax(logits / temperature, -1) * draws
        return float(((counts - expected) ** 2 / expected).sum())

    free = base.lm.config.vocab_size - 1
    assert chi2(T) < free + 5 * (2 * free) ** 0.5  # five standard deviations of a chi-square
    assert chi2(1.6) > free + 5 * (2 * free) ** 0.5


def test_generation_with_the_cache_is_generation_without():
    base = tiny_model(CPU)
    prompts = [[5, 6, 7], [8, 9, 10, 11, 12]]
    config = SampleConfig(temperature=1e-4, max_new_tokens=12)  # greedy in effect
    drawn = sample_responses(ModuleDecoder(base.lm), base, prompts, 2, config, seed=0)
    for prompt, group in zip(prompts, drawn, strict=True):
        ids = list(prompt)
        for _ in range(12):
            with torch.no_grad():
                ids.append(int(base.lm(input_ids=torch.tensor([ids])).logits[0, -1].argmax()))
            if ids[-1] in base.stop_ids:
                break
        assert all(one.token_ids == ids[len(prompt) :] for one in group)


def test_sampling_stops_at_the_end_and_keeps_it():
    base = tiny_model(CPU)
    end = base.stop_ids[0]
    favourite = copy.deepcopy(base.lm)
    with torch.no_grad():  # the end token is as likely as all the others together
        favourite.get_output_embeddings().weight[end] *= 6
    drawn = sample_responses(
        ModuleDecoder(favourite), base, [[5, 6]], 64, SampleConfig(max_new_tokens=8), seed=0
    )[0]
    ended = [d for d in drawn if d.ended]
    assert ended
    assert len(ended) < len(drawn)
    for one in drawn:
        assert (one.token_ids[-1] in base.stop_ids) == one.ended
        assert not set(base.stop_ids) & set(one.token_ids[:-1])


def test_the_same_seed_draws_the_same():
    base = tiny_model(CPU)
    one, same, other = (
        sample_responses(ModuleDecoder(base.lm), base, [[5, 6]], 4, SampleConfig(), seed=s) for s in (1, 1, 2)
    )
    assert one == same
    assert one != other


def test_a_response_is_drawn_from_its_own_stream_whatever_is_drawn_beside_it():
    base, prompts = tiny_model(CPU), [[5, 6, 7], [8, 9], [10, 11, 12, 13]]
    config = SampleConfig(temperature=T, max_new_tokens=12, max_new_tokens_from=4)
    together = sample_responses(ModuleDecoder(base.lm), base, prompts, 2, config, seed=7)
    apart = [
        sample_responses(ModuleDecoder(base.lm), base, [prompt], 2, config, seed=7, first=2 * i)[0]
        for i, prompt in enumerate(prompts)
    ]
    assert apart == together
    assert together[0][0] != together[0][1]


def test_rows_that_have_ended_are_let_go_some_at_a_time():
    """At batch 256 a row ends at nearly every step, and letting go of it copies what all others have read."""
    base = tiny_model(CPU)
    config = SampleConfig(temperature=T, max_new_tokens=96, max_new_tokens_from=1)
    decoder, kept = ModuleDecoder(base.lm), []
    keep_rows = decoder.keep_rows
    decoder.keep_rows = lambda index: kept.append(len(index)) or keep_rows(index)
    drawn = sample_responses(decoder, replace(base, stop_ids=()), [[5, 6]], 256, config, seed=2)[0]
    lengths = [len(one.token_ids) for one in drawn]
    assert len(set(lengths)) > 70, "at nearly every step some reach their limit"
    assert kept == sorted(kept, reverse=True)
    assert 5 < len(kept) < 42


def test_writing_goes_on_in_pieces_when_memory_runs_out(policy, monkeypatch):
    """The same responses, in pieces that stay small; and one sentence where two rows are too many."""
    prompts, config = [[5, 6, 7], [8, 9], [10, 11, 12], [13, 14], [15]], SampleConfig(max_new_tokens=6)
    whole = write_responses(policy, policy.base, prompts, 2, config, seed=3)
    right, tried = sampling.sample_responses, []

    def with_room_for(rows):
        def sample(decoder, base, prompts, per_prompt, *rest):
            tried.append(len(prompts) * per_prompt)
            if len(prompts) * per_prompt > rows:
                raise torch.OutOfMemoryError("no more")
            return right(decoder, base, prompts, per_prompt, *rest)

        monkeypatch.setattr(sampling, "sample_responses", sample)

    with_room_for(4)
    assert write_responses(policy, policy.base, prompts, 2, config, seed=3) == whole
    assert write_responses(policy, policy.base, prompts, 2, config, seed=3) == whole
    assert tried == [10, 4, 4, 2, 4, 4, 2]
    with_room_for(1)
    with pytest.raises(BadInput, match="The 2 responses to one prompt do not fit into the memory of cpu"):
        write_responses(policy, policy.base, prompts, 2, config, seed=3)
