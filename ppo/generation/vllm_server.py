"""A server of vLLM over HTTP: its model, its adapters, and completions of token ids. Read from vLLM 0.33.0.

Three things of its sampler matter here. Log-probabilities are those of sampling only with `--logprobs-mode
processed_logprobs`; the default gives those before the temperature. Whatever a request leaves out (top-p, penalties)
comes from the model's own generation config, so nothing is left out. And `ignore_eos` with `stop_token_ids` stops at
the tokens that are named and at no other.
"""

import asyncio
import os
from collections.abc import Callable, Collection, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from ppo.config import SampleConfig
from ppo.generation.answers import (
    ServedModel,
    message_of,
    parse_json,
    read_completion,
    served_model,
    why_not_loaded,
)
from ppo.model.sampling import SampledResponse
from rater_data import checks
from rater_data.errors import BadInput, RateloopError
from rater_data.round_settings import GENERATOR_KEY

PAUSES = (0.5, 1.0, 2.0, 4.0)  # seconds before a request that failed is sent again
CONNECT_S, ANSWER_S = 5.0, 600.0  # seconds to wait for a connection, and for the next byte of an answer
CONNECTIONS = 64  # requests at once; the server batches what it has
LARGEST_ANSWER = 16 * 2**20  # bytes
TICK_S = 0.5  # seconds between two reports while responses are written
OVERLOADED = (429, 502, 503, 504)
T = TypeVar("T")


class GeneratorAway(RateloopError):
    """The server does not answer; what was asked may be asked again once it does."""


class ModelGone(RateloopError):
    """The server knows no model or adapter of the name that was asked for: it was started anew."""


@dataclass(frozen=True)
class Asked:
    """One response that is wanted: the prompt's ids, tokens at most, and the seed of its own."""

    prompt: Sequence[int]
    limit: int
    seed: int


class VllmServer:
    """`address` is the operator's; `key` goes into a header and nowhere else."""

    def __init__(
        self,
        address: str,
        key: str = "",
        pauses: Sequence[float] | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ):
        self.address, self._transport = address, transport
        self.pauses = PAUSES if pauses is None else pauses
        # Read once: a client of its own for every call would read all certificates anew
        self._verify = httpx.create_ssl_context(trust_env=False) if address.startswith("https") else False
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    def model(self) -> ServedModel:
        """The base model that it serves. Raises BadInput, GeneratorAway."""
        status, raw = self._run(lambda client: self._ask(client, "GET", "/v1/models"))
        if status != 200:
            raise BadInput(f"The generator at {self.address} does not name its model: {message_of(raw)}.")
        return served_model(parse_json(raw))

    def load_adapter(self, name: str, folder: str, rank: int) -> None:
        """Loads a PEFT folder under a name; what has the name already goes first. Raises BadInput, GeneratorAway."""
        wanted = {"lora_name": name, "lora_path": folder}

        async def load(client: httpx.AsyncClient) -> tuple[int, bytes]:
            status, raw = await self._ask(client, "POST", "/v1/load_lora_adapter", wanted)
            if status == 400 and "already been loaded" in message_of(raw):
                await self._ask(client, "POST", "/v1/unload_lora_adapter", {"lora_name": name})
                status, raw = await self._ask(client, "POST", "/v1/load_lora_adapter", wanted)
            return status, raw

        status, raw = self._run(load)
        if status != 200:
            raise BadInput(why_not_loaded(status, raw, folder, rank))

    def unload_adapter(self, name: str) -> None:
        """Lets go of an adapter; one that is not there is gone already."""
        wanted = {"lora_name": name}
        status, raw = self._run(lambda client: self._ask(client, "POST", "/v1/unload_lora_adapter", wanted))
        if status not in (200, 404):
            raise BadInput(f"The generator did not let go of the adapter {name}: {message_of(raw)}.")

    def complete(
        self,
        model: str,
        rows: Sequence[Asked],
        sample: SampleConfig,
        stop_ids: Collection[int],
        vocabulary: int,
        tick: Callable[[int], None] | None = None,
    ) -> list[SampledResponse]:
        """One response to each row, with the log-probability of every token, all of them asked for at once.

        A request a response: so each has its own seed and its own limit, and the prompt that several share is read
        once by the server's prefix cache. `tick` is called with the responses that are there, twice a second.
        Raises BadInput, GeneratorAway, ModelGone; what is still being written is given up then.
        """

        async def one(client: httpx.AsyncClient, row: Asked) -> SampledResponse:
            body = _request(model, row, sample, stop_ids)
            status, raw = await self._ask(client, "POST", "/v1/completions", body, again=(500,))
            if status == 404:
                raise ModelGone(f"The generator does not know {model}: {message_of(raw)}.")
            if status != 200:
                raise BadInput(f"The generator refuses to write: {message_of(raw)}.")
            return read_completion(parse_json(raw), row.limit, stop_ids, vocabulary)

        async def all_rows(client: httpx.AsyncClient) -> list[SampledResponse]:
            tasks = [asyncio.create_task(one(client, row)) for row in rows]
            pending = set(tasks)
            try:
                while pending:
                    done, pending = await asyncio.wait(
                        pending, timeout=TICK_S, return_when=asyncio.FIRST_EXCEPTION
                    )
                    for task in done:
                        task.result()
                    if tick is not None:
                        tick(len(tasks) - len(pending))
                return [task.result() for task in tasks]
            finally:  # a connection that closes is how the server learns that nobody waits any more
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

        return self._run(all_rows)

    # ---- HTTP

    def _run(self, work: Callable[[httpx.AsyncClient], Coroutine[Any, Any, T]]) -> T:
        async def with_client() -> T:
            # Without the environment's proxies: the key is for this server and for nobody between
            async with httpx.AsyncClient(
                base_url=self.address,
                headers=self._headers,
                timeout=httpx.Timeout(ANSWER_S, connect=CONNECT_S, pool=None),
                limits=httpx.Limits(max_connections=CONNECTIONS),
                trust_env=False,
                verify=self._verify,
                transport=self._transport,
            ) as client:
                return await work(client)

        return asyncio.run(with_client())

    async def _ask(
        self,
        client: httpx.AsyncClient,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        again: Collection[int] = (),
    ) -> tuple[int, bytes]:
        """Status and body of an answer; asked again where nothing answers, and at a status of `again`."""
        why = ""
        for pause in (0.0, *self.pauses):
            await asyncio.sleep(pause)
            try:
                status, raw = await _send(client, method, path, body)
            except httpx.TransportError as error:
                why = str(error) or type(error).__name__
                continue
            if status in (401, 403):
                raise BadInput(
                    f"The generator at {self.address} lets nobody in without its key: put the one that it was started "
                    f"with (--api-key) into {GENERATOR_KEY}."
                )
            if status not in (*OVERLOADED, *again):
                return status, raw
            why = f"status {status}, {message_of(raw)}"
        raise GeneratorAway(
            f"The generator at {self.address} does not answer ({why[:200].rstrip('.')}), asked "
            f"{len(self.pauses) + 1} times: start it, and begin the job again."
        )


def open_generator(address: str) -> tuple[VllmServer, ServedModel]:
    """The server at an address, with the environment's key, and the model it serves. Raises BadInput, GeneratorAway."""
    key = os.environ.get(GENERATOR_KEY, "").strip()
    if key and not (key.isascii() and key.isprintable()):
        raise BadInput(f"{GENERATOR_KEY} holds signs that no key has: letters, digits and ASCII signs only.")
    server = VllmServer(checks.server_address("The generator's address", address, GENERATOR_KEY), key)
    return server, server.model()


async def _send(
    client: httpx.AsyncClient, method: str, path: str, body: dict[str, Any] | None
) -> tuple[int, bytes]:
    async with client.stream(method, path, json=body) as answer:
        raw = bytearray()
        async for part in answer.aiter_bytes():
            raw += part
            if len(raw) > LARGEST_ANSWER:
                raise BadInput(
                    f"The generator sends more than {LARGEST_ANSWER // 2**20} MiB for one response: is it a server of "
                    "vLLM that listens there?"
                )
        return answer.status_code, bytes(raw)


def _request(model: str, row: Asked, sample: SampleConfig, stop_ids: Collection[int]) -> dict[str, Any]:
    """The body of a completion; every setting of the sampler is named, or the model's own defaults would hold."""
    return {
        "model": model,
        "prompt": list(row.prompt),
        "add_special_tokens": False,
        "max_tokens": row.limit,
        "seed": row.seed,
        "n": 1,
        "temperature": sample.temperature,
        "top_p": 1.0,
        "top_k": -1,
        "min_p": 0.0,
        "repetition_penalty": 1.0,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "ignore_eos": True,
        "stop_token_ids": list(stop_ids),
        "include_stop_str_in_output": True,
        "skip_special_tokens": False,
        "logprobs": 1,
        "return_token_ids": True,
    }
