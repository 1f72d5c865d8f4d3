"""The client of a server of vLLM: what it asks, how it tries again, and a sentence for every answer that is none."""

import json
import logging
import ssl

import httpx
import pytest

from ppo.config import SampleConfig
from ppo.generation import vllm_server
from ppo.generation.answers import read_completion, served_model
from ppo.generation.vllm_server import Asked, GeneratorAway, ModelGone, VllmServer, open_generator
from rater_data.errors import BadInput
from rater_data.round_settings import GENERATOR_KEY

STOPS, SAMPLE = (2, 9), SampleConfig()
ROW = Asked([5, 6, 7], 4, 11)
GOOD = {"choices": [{"token_ids": [5, 6, 2], "logprobs": {"token_logprobs": [-1.0, -0.5, -0.1]}}]}
MODELS = {"data": [{"id": "m", "root": "/models/m", "max_model_len": 64}, {"id": "a", "parent": "m"}]}


def server(*answers, key="", pauses=(0, 0)):
    """A server that gives these answers in turn (the last for good), and the requests that it saw."""
    seen, left = [], list(answers)

    def handle(request):
        seen.append(request)
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    return VllmServer("http://gpu:8000", key, pauses, httpx.MockTransport(handle)), seen


def said(body, status=200):
    return httpx.Response(status, content=body if isinstance(body, bytes) else json.dumps(body).encode())


def refused(status, words):
    return said({"error": {"message": words, "type": "BadRequestError", "code": status}}, status)


def complete(asked, sample=SAMPLE, rows=(ROW,)):
    return asked.complete("m", rows, sample, STOPS, 10)


def changed(**choice):
    return {"choices": [GOOD["choices"][0] | choice]}


def test_what_is_asked_is_pure_sampling_by_token_ids():
    asked, seen = server(said(GOOD), key="secret")
    (found,) = complete(asked, SampleConfig(temperature=0.7))
    assert (found.token_ids, found.ended, found.logprobs) == ([5, 6, 2], True, [-1.0, -0.5, -0.1])
    body = json.loads(seen[0].content)
    assert body["prompt"] == [5, 6, 7]
    assert (body["max_tokens"], body["seed"], body["n"], body["temperature"]) == (4, 11, 1, 0.7)
    # Named, all of them: what is left out comes from the model's own generation config
    assert (body["top_p"], body["top_k"], body["min_p"]) == (1.0, -1, 0.0)
    assert (body["repetition_penalty"], body["presence_penalty"], body["frequency_penalty"]) == (1, 0, 0)
    assert (body["ignore_eos"], body["stop_token_ids"]) == (True, [2, 9])
    assert body["return_token_ids"] and body["logprobs"] == 1
    assert seen[0].headers["authorization"] == "Bearer secret"


def test_it_is_asked_again_while_it_is_away():
    asked, seen = server(httpx.ConnectError("refused"), said(b"busy", 503), said(GOOD))
    assert complete(asked)[0].ended
    assert len(seen) == 3


@pytest.mark.parametrize(
    "trouble", [httpx.ConnectError("refused"), said(b"", 503), refused(500, "EngineCore died.")]
)
def test_one_that_stays_away_is_one_sentence(trouble):
    asked, seen = server(trouble)
    with pytest.raises(
        GeneratorAway, match=r"^The generator at http://gpu:8000 does not answer .* 3 times: start it"
    ):
        complete(asked, rows=[ROW] * 3)
    assert len(seen) == 9


def test_what_is_refused_is_not_asked_again():
    asked, seen = server(refused(400, "This model's maximum context length is 5 tokens."))
    with pytest.raises(
        BadInput, match=r"refuses to write: This model's maximum context length is 5 tokens\.$"
    ):
        complete(asked)
    assert len(seen) == 1


def test_a_name_that_it_does_not_know_is_told_apart():
    with pytest.raises(ModelGone, match="does not exist"):
        complete(server(refused(404, "The model `m` does not exist."))[0])


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"<html>hello</html>", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        ([], "no responses where one"),
        ({"choices": []}, "0 responses where one"),
        ({"choices": GOOD["choices"] * 2}, "2 responses where one"),
        ({"choices": [7]}, "1 responses where one"),
        (changed(token_ids=None), "sends no token ids"),
        (changed(token_ids=[5, 6, 10]), "does not have .ids from 0 to 9.: it serves another base model"),
        (changed(token_ids=[5, -1, 2]), "does not have"),
        (changed(token_ids=[5, "6", 2]), "does not have"),
        (changed(token_ids=[5, True, 2]), "does not have"),
        (changed(token_ids=[]), "response of 0 tokens"),
        (changed(token_ids=[5, 6, 7]), "response of 3 tokens that ends neither at the limit of 4 nor"),
        (changed(token_ids=[5, 6, 7, 5, 2]), "response of 5 tokens"),
        (changed(token_ids=[5, 2, 2]), "response of 3 tokens"),
        (changed(logprobs=None), "does not send a log-probability"),
        (changed(logprobs={"token_logprobs": [-1.0, -1.0]}), "does not send a log-probability"),
        (changed(logprobs={"token_logprobs": [-1.0, float("nan"), -1.0]}), "does not send a log-probability"),
        (changed(logprobs={"token_logprobs": [-1.0, None, -1.0]}), "does not send a log-probability"),
        (changed(logprobs={"token_logprobs": [-1.0, "-1", -1.0]}), "does not send a log-probability"),
        (changed(logprobs={"token_logprobs": [-1.0, -(10**400), -1.0]}), "does not send a log-probability"),
        (
            changed(logprobs={"token_logprobs": [-1.0, 7.5, -1.0]}),
            "7.5 as a log-probability.*processed_logprobs",
        ),
    ],
)
def test_a_broken_answer_is_one_sentence(answer, words):
    with pytest.raises(BadInput, match=words) as caught:
        complete(server(said(answer))[0])
    assert str(caught.value).startswith("The generator ")
    assert str(caught.value).endswith((".", "?"))


def test_an_answer_without_end_is_given_up(monkeypatch):
    monkeypatch.setattr(vllm_server, "LARGEST_ANSWER", 1000)
    with pytest.raises(BadInput, match="MiB for one response"):
        complete(server(said(b" " * 2000))[0])


def test_a_response_cut_at_its_limit_and_one_that_ends_there():
    for last, ended in ((7, False), (9, True)):
        found = read_completion(
            {"choices": [{"token_ids": [5, 6, 5, last], "logprobs": {"token_logprobs": [-1.0] * 4}}]},
            4,
            STOPS,
            10,
        )
        assert found.ended == ended


def test_the_base_is_the_model_without_a_parent():
    found = server(said(MODELS))[0].model()
    assert (found.name, found.root, found.longest) == ("m", "/models/m", 64)


@pytest.mark.parametrize(
    "body", [None, [], {"data": 3}, {"data": [{"id": "a", "parent": "m"}]}, {"data": [{"id": 3}]}]
)
def test_a_server_that_names_no_model_is_one_sentence(body):
    with pytest.raises(BadInput, match="names no model"):
        served_model(body)


@pytest.mark.parametrize("longest", [None, "64", 0, 1.5])
def test_a_length_that_is_none_is_one_sentence(longest):
    with pytest.raises(BadInput, match="max_model_len"):
        served_model({"data": [{"id": "m", "max_model_len": longest}]})


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (said({"detail": "Not Found"}, 404), "VLLM_ALLOW_RUNTIME_LORA_UPDATING=1"),
        (
            refused(404, "Loading lora a failed: No adapter found for /home/a"),
            "does not find the adapter's folder /home/a",
        ),
        (
            refused(500, "LoRA rank 20 is greater than max_lora_rank 16."),
            r"rank, 20, .* --max-lora-rank 32\.$",
        ),
        (
            refused(500, "LoRA is not enabled. Use --enable-lora to enable LoRA."),
            "start it with --enable-lora",
        ),
        (
            refused(500, "Adapter bias\x1b[31m is\nnot supported."),
            r"it says: Adapter bias \[31m is not supported\.$",
        ),
        (said(b"\xff", 500), "it does not say why"),
    ],
)
def test_an_adapter_that_is_not_loaded_is_one_sentence(answer, words):
    asked, seen = server(answer)
    with pytest.raises(BadInput, match=words):
        asked.load_adapter("a", "/home/a", 20)
    assert len(seen) == 1


def test_an_adapter_that_has_the_name_goes_first():
    asked, seen = server(refused(400, "The lora adapter 'a' has already been loaded."), said(b"Success"))
    asked.load_adapter("a", "/home/a", 16)
    assert [r.url.path for r in seen] == [
        "/v1/load_lora_adapter",
        "/v1/unload_lora_adapter",
        "/v1/load_lora_adapter",
    ]


def test_letting_go_of_what_is_gone_is_no_error():
    server(refused(404, "cannot be found"))[0].unload_adapter("a")
    with pytest.raises(BadInput, match="did not let go"):
        server(refused(500, "no"))[0].unload_adapter("a")


def test_the_work_stops_where_the_operator_stops_it():
    class Stop(Exception):
        pass

    def stop(_done):
        raise Stop

    with pytest.raises(Stop):
        server(said(GOOD))[0].complete("m", [ROW] * 4, SampleConfig(), STOPS, 10, stop)


def test_a_key_comes_from_the_environment_and_is_never_said(monkeypatch, caplog):
    asked, _ = server(said({"error": "Unauthorized"}, 401), key="wrong-key")
    with caplog.at_level(logging.DEBUG), pytest.raises(BadInput, match=GENERATOR_KEY) as caught:
        asked.model()
    assert "wrong-key" not in str(caught.value) + caplog.text
    monkeypatch.setenv(GENERATOR_KEY, "two\nlines")
    with pytest.raises(BadInput, match="signs that no key has"):
        open_generator("http://gpu:8000")


@pytest.mark.parametrize("address", ["http://me:word@gpu:8000", "http://key@gpu:8000"])
def test_a_key_in_the_address_is_refused_and_not_shown(address):
    with pytest.raises(BadInput, match=GENERATOR_KEY) as caught:
        open_generator(address)
    assert "word" not in str(caught.value).replace("password", "")
    assert "key@" not in str(caught.value)


def test_certificates_are_checked():
    assert VllmServer("https://gpu:8000")._verify.verify_mode == ssl.CERT_REQUIRED
