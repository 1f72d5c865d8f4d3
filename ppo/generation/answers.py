"""What a server of vLLM answers, read with care: it is another program, and its answers are held to what was asked."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, TypeGuard

from ppo.model.sampling import SampledResponse
from rater_data import checks
from rater_data.errors import BadInput

LOGITS = 1e-3  # nats above 0 from which a number is no rounded log-probability any more
SHOWN, UNSAID = 300, "it does not say why"  # characters of a server's own words in a sentence of ours
RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)  # that --max-lora-rank takes, by vLLM 0.33.0


@dataclass(frozen=True)
class ServedModel:
    """The base model of a server: the name to ask for it, where it was loaded from, tokens that it reads at most."""

    name: str
    root: str
    longest: int


def parse_json(raw: bytes) -> Any:
    """The body of an answer. Raises BadInput for what is no JSON."""
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise BadInput(
            "The generator answers with what is no JSON: is it a server of vLLM that listens there?"
        ) from error


def served_model(body: Any) -> ServedModel:
    """The base model in the answer of /v1/models; adapters are listed with a parent. Raises BadInput."""
    cards = body.get("data") if isinstance(body, dict) else None
    bases = [c for c in cards if isinstance(c, dict) and not c.get("parent")] if _is_list(cards) else []
    if not bases or not isinstance(bases[0].get("id"), str):
        raise BadInput("The generator names no model: is it a server of vLLM that listens there?")
    name, root, longest = bases[0]["id"], bases[0].get("root"), bases[0].get("max_model_len")
    if not _is_whole(longest) or longest < 1:
        raise BadInput("The generator does not say how many tokens its model reads (max_model_len).")
    return ServedModel(name, root if isinstance(root, str) else name, longest)


def read_completion(body: Any, limit: int, stop_ids: Collection[int], vocabulary: int) -> SampledResponse:
    """The one response in the answer of /v1/completions. Raises BadInput for whatever was not asked for.

    `limit`: tokens that it may have. It has fewer only where it ends with one of `stop_ids`.
    """
    choices = body.get("choices") if isinstance(body, dict) else None
    if not _is_list(choices) or len(choices) != 1 or not isinstance(choices[0], dict):
        found = len(choices) if _is_list(choices) else "no"
        raise BadInput(f"The generator answers with {found} responses where one was asked for.")
    ids = choices[0].get("token_ids")
    if ids is None:
        raise BadInput("The generator sends no token ids (token_ids): it takes vLLM 0.10.2 or newer.")
    if not _is_list(ids) or not all(_is_whole(i) and 0 <= i < vocabulary for i in ids):
        raise BadInput(
            f"The generator sends tokens that this model does not have (ids from 0 to {vocabulary - 1}): it serves "
            "another base model."
        )
    ended = bool(ids) and ids[-1] in stop_ids
    if not 1 <= len(ids) <= limit or any(i in stop_ids for i in ids[:-1]) or (len(ids) < limit and not ended):
        raise BadInput(
            f"The generator sends a response of {len(ids)} tokens that ends neither at the limit of {limit} nor with a "
            f"token that ends an answer (finish_reason {str(choices[0].get('finish_reason'))[:40]!r})."
        )
    return SampledResponse(list(ids), ended, _logprobs(choices[0], len(ids)))


def _logprobs(choice: dict[str, Any], count: int) -> list[float]:
    record = choice.get("logprobs")
    found = record.get("token_logprobs") if isinstance(record, dict) else None
    if not _is_list(found) or len(found) != count or not all(checks.is_number(x) for x in found):
        raise BadInput(
            "The generator does not send a log-probability, a finite number, with every token of a response."
        )
    if max(found) > LOGITS:
        raise BadInput(
            f"The generator sends {max(found):.3g} as a log-probability, which cannot be above 0: start it with "
            "--logprobs-mode processed_logprobs."
        )
    return [float(x) for x in found]


def message_of(raw: bytes) -> str:
    """A server's own words for what went wrong, on one line and not too long."""
    try:
        body = parse_json(raw)
    except BadInput:
        return UNSAID
    error = body.get("error", body.get("detail", "")) if isinstance(body, dict) else ""
    words = error.get("message", "") if isinstance(error, dict) else error
    line = " ".join("".join(c if c.isprintable() else " " for c in str(words)).split())
    return line[:SHOWN].rstrip(".") or UNSAID


def why_not_loaded(status: int, raw: bytes, folder: str, rank: int) -> str:
    """One sentence for an adapter that the server did not load, with what to do about it."""
    words = message_of(raw)
    if status == 404 and "adapter" not in words.lower():
        return (
            "The generator loads no adapters while it runs: start it with VLLM_ALLOW_RUNTIME_LORA_UPDATING=1 in its "
            "environment and with --enable-lora."
        )
    if "No adapter found" in words or "No such file" in words:
        return (
            f"The generator does not find the adapter's folder {folder}: it has to reach it under this very path, on "
            "this machine with rights to read it, from another through a shared folder."
        )
    if "max_lora_rank" in words:
        enough = next((r for r in RANKS if r >= rank), rank)
        return f"The adapter's rank, {rank}, is too high for the generator: start it with --max-lora-rank {enough}."
    if "not enabled" in words:
        return "The generator was started without adapters: start it with --enable-lora."
    return f"The generator did not load the adapter in {folder}; it says: {words}."


def _is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def _is_whole(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)
