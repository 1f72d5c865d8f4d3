"""Capturing the step of the decoder of fixed shapes, with a stand-in for CUDA that runs what it was given at once.

What is held is the order of things: the trials leave nothing behind, replays go on from there, and a step that waits
is never captured. That a real graph does the same is for a GPU to show (`make gpu-check`).
"""

from contextlib import contextmanager, nullcontext

import pytest
import torch

from ppo.model import decoders
from ppo.model.decoders import ModuleDecoder, StaticDecoder
from ppo.model.loading.tiny_model import tiny_model

CPU = torch.device("cpu")
PROMPTS, TOKENS = [[5, 6, 7], [8, 9, 10, 11]], [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10]]


class Stream:
    """Everything is done as soon as it is said."""

    def wait_stream(self, other):
        assert isinstance(other, Stream)


class StandIn:
    """What of torch.cuda a capture asks for. `mode` is the one for operations that wait."""

    def __init__(self, decoder):
        self.decoder, self.mode, self.streams, self.captured_on = decoder, "default", [], None

    def stream_of(self, _device):
        self.streams.append(Stream())
        return self.streams[-1]

    @contextmanager
    def graph(self, graph, stream, capture_error_mode):
        assert graph is self and capture_error_mode == "thread_local"
        self.captured_on = stream
        yield

    def set_mode(self, mode):
        self.mode = mode

    def replay(self):
        self.decoder._forward()


@pytest.fixture
def cuda(monkeypatch):
    decoder = StaticDecoder(tiny_model(CPU).lm)
    found = StandIn(decoder)
    for name, value in {
        "Stream": found.stream_of,
        "current_stream": Stream,
        "stream": lambda _stream: nullcontext(),
        "device": lambda _device: nullcontext(),
        "graph": found.graph,
        "CUDAGraph": lambda: found,
        "get_sync_debug_mode": lambda: found.mode,
        "set_sync_debug_mode": found.set_mode,
    }.items():
        monkeypatch.setattr(torch.cuda, name, value)
    decoders._side_stream.cache_clear()
    yield found
    decoders._side_stream.cache_clear()


def write(decoder, capture):
    """The logits of three steps, a row leaving before the last."""
    with torch.no_grad():
        found = [decoder.prefill(PROMPTS, 2, 5)]
        if capture:
            decoder._graph = decoder._capture()
        found += [decoder.step(torch.tensor(tokens)) for tokens in TOKENS[:2]]
        decoder.keep_rows(torch.tensor([0, 3]))
        found.append(decoder.step(torch.tensor(TOKENS[2])))
    return [decoder.logits(states, 1.0) for states in found]


def test_replays_go_on_from_before_the_trials(cuda):
    found = write(cuda.decoder, capture=True)
    assert cuda.decoder.captured and cuda.captured_on is cuda.streams[0]
    for one, other in zip(found, write(ModuleDecoder(cuda.decoder.model), capture=False), strict=True):
        torch.testing.assert_close(one, other, atol=2e-5, rtol=0)
    write(cuda.decoder, capture=True)
    assert len(cuda.streams) == 1, "one stream for all captures on a device"
    assert cuda.mode == "default"


def test_a_step_that_waits_is_run_by_its_modules(cuda, monkeypatch):
    forward, tried = StaticDecoder._forward, []

    def waiting(self):
        tried.append(cuda.mode)
        forward(self)
        if cuda.mode == "error":
            raise RuntimeError("called a synchronizing CUDA operation")

    monkeypatch.setattr(StaticDecoder, "_forward", waiting)
    found = write(cuda.decoder, capture=True)
    assert not cuda.decoder.captured and cuda.captured_on is None and cuda.mode == "default"
    assert tried == ["default", "error", "default", "default", "default"], "two trials, three steps"
    for one, other in zip(found, write(ModuleDecoder(cuda.decoder.model), capture=False), strict=True):
        torch.testing.assert_close(one, other, atol=2e-5, rtol=0)


def test_any_other_fault_of_a_step_is_raised(cuda, monkeypatch):
    def broken(_self):
        raise RuntimeError("no kernel image is available")

    monkeypatch.setattr(StaticDecoder, "_forward", broken)
    with pytest.raises(RuntimeError, match="no kernel image"):
        write(cuda.decoder, capture=True)
    assert cuda.mode == "default"
