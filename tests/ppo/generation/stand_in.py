"""A stand-in for `vllm serve tiny --enable-lora`: the routes that are used, by plain transformers and PEFT.

Requests that arrive together are written as one batch, each row with its own seed. What it does wrong is told by its
fields: how it disagrees with the trainer, what it refuses, how it dies.
"""

import asyncio
import contextlib
import copy
import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import uvicorn
from peft import PeftModel
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from ppo.model.loading.tiny_model import tiny_model

CPU = torch.device("cpu")
BASE = "tiny-base"
RAW, UNADAPTED, OTHER_ADAPTER, NOISE = "raw", "unadapted", "other adapter", "noise"


def error(status: int, message: str, kind: str = "BadRequestError") -> JSONResponse:
    """As vLLM 0.33.0 words an error."""
    return JSONResponse(
        {"error": {"message": message, "type": kind, "param": None, "code": status}}, status_code=status
    )


@dataclass
class StandIn:
    """`ways`: of disagreeing, any of RAW, UNADAPTED, OTHER_ADAPTER, NOISE. `dies_after`: so many completions."""

    seed: int = 0
    ways: tuple[str, ...] = ()
    noise: float = 0.0
    key: str = ""
    max_rank: int = 16
    max_model_len: int = 512
    lora: bool = True
    runtime_loading: bool = True
    dies_after: int | None = None
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    adapters: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.lm = tiny_model(CPU, self.seed).lm
        self._waiting: list[tuple[dict[str, Any], asyncio.Future]] = []
        self._batch: asyncio.Task | None = None
        self.app = Starlette(
            routes=[
                Route("/v1/models", self.models),
                Route("/v1/completions", self.completions, methods=["POST"]),
                *([] if not self.runtime_loading else self._lora_routes()),
            ]
        )

    def _lora_routes(self) -> list[Route]:
        return [
            Route("/v1/load_lora_adapter", self.load, methods=["POST"]),
            Route("/v1/unload_lora_adapter", self.unload, methods=["POST"]),
        ]

    def restart(self) -> None:
        """As a new process: it knows no adapters."""
        self.adapters.clear()

    def asked(self, path: str) -> list[dict[str, Any]]:
        """The bodies of all requests to a route."""
        return [body for called, body in self.calls if called == path]

    async def _take(self, request: Request) -> Response | dict[str, Any]:
        if self.key and request.headers.get("authorization") != f"Bearer {self.key}":
            return JSONResponse({"error": "Unauthorized"}, status_code=401)
        raw = await request.body()
        body = json.loads(raw) if raw else {}
        self.calls.append((request.url.path, body))
        if self.dies_after is not None and len(self.asked("/v1/completions")) > self.dies_after:
            return error(500, "EngineCore encountered an issue.", "InternalServerError")
        return body

    async def models(self, request: Request) -> Response:
        body = await self._take(request)
        if isinstance(body, Response):
            return body
        base = {"id": BASE, "root": "tiny", "parent": None, "max_model_len": self.max_model_len}
        return JSONResponse({"data": [base, *({"id": n, "parent": BASE} for n in self.adapters)]})

    async def load(self, request: Request) -> Response:
        body = await self._take(request)
        if isinstance(body, Response):
            return body
        name, path = body["lora_name"], Path(body["lora_path"])
        if name in self.adapters:
            return error(
                400,
                f"The lora adapter '{name}' has already been loaded. If you want to load the adapter in place, set "
                "'load_inplace' to True.",
            )
        if not self.lora:
            return error(500, "Call to add_lora method failed: LoRA is not enabled. Use --enable-lora.")
        if not (path / "adapter_config.json").is_file():
            return error(404, f"Loading lora {name} failed: No adapter found for {path}", "NotFoundError")
        rank = json.loads((path / "adapter_config.json").read_text(encoding="utf-8"))["r"]
        if rank > self.max_rank:
            return error(500, f"LoRA rank {rank} is greater than max_lora_rank {self.max_rank}.")
        self.adapters[name] = self._merged(path)
        return PlainTextResponse(f"Success: LoRA adapter '{name}' added successfully.")

    def _merged(self, path: Path) -> Any:
        adapted = PeftModel.from_pretrained(copy.deepcopy(self.lm), str(path))
        if OTHER_ADAPTER in self.ways:
            draw = torch.Generator().manual_seed(99)
            for name, parameter in adapted.named_parameters():
                if "lora_" in name:
                    parameter.data = 0.3 * torch.randn(parameter.shape, generator=draw)
        return adapted.merge_and_unload().eval()

    async def unload(self, request: Request) -> Response:
        body = await self._take(request)
        if isinstance(body, Response):
            return body
        if self.adapters.pop(body["lora_name"], None) is None:
            return error(404, f"The lora adapter '{body['lora_name']}' cannot be found.", "NotFoundError")
        return PlainTextResponse(f"Success: LoRA adapter '{body['lora_name']}' removed successfully.")

    async def completions(self, request: Request) -> Response:
        body = await self._take(request)
        if isinstance(body, Response):
            return body
        if body["model"] != BASE and body["model"] not in self.adapters:
            return error(404, f"The model `{body['model']}` does not exist.", "NotFoundError")
        answer = asyncio.get_running_loop().create_future()
        if self._batch is None or self._batch.done():
            self._waiting.clear()  # of clients that went away
            self._batch = asyncio.create_task(self._write_waiting())
        self._waiting.append((body, answer))
        choice = await answer
        return JSONResponse({"object": "text_completion", "model": body["model"], "choices": [choice]})

    async def _write_waiting(self) -> None:
        await asyncio.sleep(0.005)  # for those that come with it
        waiting, self._waiting = self._waiting, []
        for name in {body["model"] for body, _ in waiting}:
            rows = [(body, answer) for body, answer in waiting if body["model"] == name]
            lm = self.lm if name == BASE or UNADAPTED in self.ways else self.adapters[name]
            for (_, answer), choice in zip(rows, self.write(lm, [b for b, _ in rows]), strict=True):
                if not answer.done():
                    answer.set_result(choice)

    @torch.no_grad()
    def write(self, lm: Any, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Samples each row from softmax(logits / temperature), without a cache: as plain as it can be."""
        draws = [torch.Generator().manual_seed(row["seed"]) for row in rows]
        ids = [list(row["prompt"]) for row in rows]
        said: list[list[float]] = [[] for _ in rows]
        live = list(range(len(rows)))
        while live:
            width = max(len(ids[r]) for r in live)
            padded = torch.tensor([[0] * (width - len(ids[r])) + ids[r] for r in live])
            mask = torch.tensor([[0] * (width - len(ids[r])) + [1] * len(ids[r]) for r in live])
            positions = (mask.cumsum(1) - 1).clamp(min=0)
            logits = lm(input_ids=padded, attention_mask=mask, position_ids=positions).logits[:, -1].float()
            for r, line in zip(list(live), logits, strict=True):
                row = rows[r]
                tempered = torch.log_softmax(line / row["temperature"], -1)
                token = int(torch.multinomial(tempered.exp(), 1, generator=draws[r]))
                logprob = float((torch.log_softmax(line, -1) if RAW in self.ways else tempered)[token])
                if NOISE in self.ways:
                    logprob -= self.noise * abs(float(torch.randn((), generator=draws[r])))
                ids[r].append(token)
                said[r].append(logprob)
                length = len(ids[r]) - len(row["prompt"])
                if token in row["stop_token_ids"] or length == row["max_tokens"]:
                    live.remove(r)
        return [_choice(row, ids[i], said[i]) for i, row in enumerate(rows)]


def _choice(row: dict[str, Any], ids: list[int], said: list[float]) -> dict[str, Any]:
    tokens = ids[len(row["prompt"]) :]
    return {
        "index": 0,
        "text": "",
        "token_ids": tokens,
        "logprobs": {"token_logprobs": said, "tokens": [""] * len(tokens)},
        "finish_reason": "stop" if tokens[-1] in row["stop_token_ids"] else "length",
        "prompt_token_ids": list(row["prompt"]),
    }


@contextlib.contextmanager
def served(stand_in: StandIn) -> Iterator[str]:
    """The stand-in on a free port; its address."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(stand_in.app, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listening.close()
