"""ppo/model/cpu/attention.py against torch's own attention: values and gradients, shared key heads, any mask."""

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from ppo.model.cpu.attention import plain_attention


@pytest.mark.parametrize(("heads", "groups"), [(4, 4), (6, 2), (4, 1)])
@pytest.mark.parametrize("scaling", [None, 0.3])
def test_it_is_torchs_attention_with_its_gradients(heads, groups, scaling):
    torch.manual_seed(0)
    rows, length, width = 2, 7, 8
    made = [torch.randn(rows, length, n, width).transpose(1, 2) for n in (heads, groups, groups)]
    allowed = torch.rand(rows, 1, length, length) < 0.5
    allowed |= torch.eye(length, dtype=torch.bool)
    mask = torch.zeros(allowed.shape).masked_fill(~allowed, torch.finfo(torch.float32).min)
    upstream = torch.randn(rows, length, heads, width)
    outcomes = []
    for ours in (True, False):
        q, k, v = (x.clone().requires_grad_() for x in made)
        if ours:
            out, weights = plain_attention(None, q, k, v, mask, scaling=scaling)
            assert weights is None
        else:
            out = scaled_dot_product_attention(
                q, k, v, attn_mask=allowed, scale=scaling, enable_gqa=True
            ).transpose(1, 2)
        (out * upstream).sum().backward()
        outcomes.append([out.detach(), q.grad, k.grad, v.grad])
    for one, other in zip(*outcomes, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def test_one_new_token_looks_at_all_that_was():
    torch.manual_seed(1)
    q, k, v = torch.randn(3, 6, 1, 8), torch.randn(3, 2, 5, 8), torch.randn(3, 2, 5, 8)
    allowed = torch.tensor([[True] * 5, [False] * 2 + [True] * 3, [False] * 4 + [True]])[:, None, None]
    mask = torch.zeros(allowed.shape).masked_fill(~allowed, torch.finfo(torch.float32).min)
    wanted = scaled_dot_product_attention(q, k, v, attn_mask=allowed, enable_gqa=True).transpose(1, 2)
    torch.testing.assert_close(plain_attention(None, q, k, v, mask)[0], wanted, atol=1e-5, rtol=1e-4)


def test_what_it_does_not_do_it_refuses():
    x = torch.zeros(1, 2, 3, 4)
    with pytest.raises(ValueError, match="soft caps"):
        plain_attention(None, x, x, x, torch.zeros(1, 1, 3, 3), softcap=30.0)
    with pytest.raises(ValueError, match="4-D mask"):
        plain_attention(None, x, x, x, None)
