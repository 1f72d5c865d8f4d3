"""ppo/algorithm/batches.py: which responses are read together and which of them are one optimiser step."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from ppo.algorithm.batches import minibatches_of, tokens_of
from ppo.model.rollout import rollout_of

CPU = torch.device("cpu")


def rollout(lengths, per_prompt=4, prompt=3):
    prompts = [[7] * prompt for _ in lengths]
    groups = [i // per_prompt for i in range(len(lengths))]
    return rollout_of(prompts, [[5] * n for n in lengths], [False] * len(lengths), groups, 0, CPU)


def test_a_prompts_responses_stay_in_one_optimiser_step_and_where_they_fit_in_one_reading():
    found = minibatches_of(rollout([4] * 8), 3, 1000)
    assert [[part.tolist() for part in batch] for batch in found] == [[[0, 1, 2, 3]], [[4, 5, 6, 7]]]
    found = minibatches_of(rollout([4] * 8), 8, 19)  # 3 + 4 · 4 tokens are one prompt with its responses
    assert [[part.tolist() for part in batch] for batch in found] == [[[0, 1, 2, 3], [4, 5, 6, 7]]]


def test_a_prompt_that_is_too_long_for_one_reading_is_cut_between_responses():
    found = minibatches_of(rollout([4] * 4), 4, 11)
    assert [[part.tolist() for part in batch] for batch in found] == [[[0, 1], [2, 3]]]


def test_a_response_that_is_too_long_is_read_alone():
    assert [part.tolist() for part in minibatches_of(rollout([50, 4, 4, 60]), 4, 11)[0]] == [[0], [1, 2], [3]]


def test_every_process_gets_some_of_each_optimiser_step():
    for shares in (2, 3, 4):
        found = minibatches_of(rollout([4, 9, 4, 4, 7, 4, 4, 12]), 8, 1000, shares)
        assert len(found[0]) >= shares


@given(st.lists(st.integers(0, 30), min_size=1, max_size=24), st.integers(1, 12), st.integers(1, 80))
def test_every_response_once_in_steps_that_do_not_depend_on_the_memory(lengths, responses, tokens):
    one = rollout(lengths)
    found = minibatches_of(one, responses, tokens)
    whole = minibatches_of(one, responses, 10**6)
    assert [torch.cat(batch).tolist() for batch in found] == [torch.cat(batch).tolist() for batch in whole]
    assert [b for batch in found for part in batch for b in part.tolist()] == list(range(len(lengths)))
    for batch in found:
        assert all(len(part) == 1 or tokens_of(one, part) <= tokens for part in batch)
        assert batch is found[-1] or sum(len(part) for part in batch) >= responses
