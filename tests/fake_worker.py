"""A trainer for tests of the app: plays `python -m ppo work` with made-up texts, through the Store alone.

As a program: `python -m app.trainer.run_until_parent_exits tests.fake_worker work --home HOME --device cpu`.
How it behaves is read from the store's setting "fake": {"texts": [...], "prompts": n, "overlap": n, "quota": n,
"steps": n, "pause": s, "gate": "a reason to refuse", "fail": "an error"}.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any

from rater_data.lifecycle import Job, Sample, Version
from rater_data.records import Prompt, Response
from rater_data.store import Store

PROMPTS = (
    "How do I boil an egg?",
    "Write one line about rain.",
    "What is a good name for a cat?",
    "Why is the sky blue?",
)
PER_PROMPT = 4


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("command")
    arguments.add_argument("--home", type=Path)
    arguments.add_argument("--device")
    arguments.add_argument("--model")
    store = Store.open(arguments.parse_args().home, os.environ.get("RATELOOP_DATABASE_URL"))
    worker = f"fake {os.getpid()}"
    while True:
        job = store.claim(worker)
        if job is None:
            time.sleep(0.05)
            continue
        settings = store.setting("fake", {}) or {}
        if job.kind == "generate":
            generate(store, settings)
            store.finish(job.id, worker)
        else:
            train(store, job, worker, settings)


def generate(store: Store, settings: dict[str, Any]) -> int:
    """Writes the next round's responses; returns its number."""
    wanted = settings.get("prompts", len(PROMPTS))
    if not store.prompts():
        more = (f"Question {i}?" for i in range(len(PROMPTS), wanted))
        store.add_prompts([Prompt.of(text) for text in (*PROMPTS, *more)])
    if store.current_version() is None:
        store.add_version(version(0, None, "current"))
    current = store.current_version().number
    found = store.round()
    if found is None or found.state not in ("generating",):
        config = {"quota": settings.get("quota", 8), "expected_responses": wanted * PER_PROMPT}
        found = store.start_round(config, current)
    texts, overlap = settings.get("texts"), settings.get("overlap", 2)
    prompts = store.prompts()[:wanted]
    responses = []
    for slot in range(len(prompts) * PER_PROMPT):
        prompt, k = prompts[slot // PER_PROMPT], slot % PER_PROMPT
        text = texts[slot % len(texts)] if texts else f"Answer {k + 1} of version {current} to: {prompt.text}"
        responses.append(response(prompt.id, found.number, current, slot, text, overlap))
    store.add_responses(responses)
    store.set_round_state(found.number, "rating")
    return found.number


def response(
    prompt_id: int, round_number: int, version_number: int, slot: int, text: str, overlap: int
) -> Response:
    return Response(
        prompt_id=prompt_id,
        round_number=round_number,
        version_number=version_number,
        slot=slot,
        text=text,
        prompt_ids=(1, 2),
        token_ids=(3, 4, 5),
        logprobs=(-0.5, -1.0, -0.1),
        seed=slot,
        temperature=0.7,
        finish_reason="eos",
        stratum="train",
        overlap=overlap,
    )


def version(number: int, parent: int | None, status: str) -> Version:
    return Version(
        number=number,
        parent=parent,
        folder=f"versions/{number:04d}" if number else "",
        sha256="0" * 64,
        base_model="fake",
        base_revision="1",
        metrics={"kl": 1.5 * number, "length": 24.0, "eos_share": 0.5},
        status=status,
        created_at=time.time(),
    )


def train(store: Store, job: Job, worker: str, settings: dict[str, Any]) -> None:
    number = job.payload["round"]
    if store.round(number).state in ("sealed", "refused"):
        store.set_round_state(number, "training")
    if settings.get("gate") and not job.payload.get("override"):
        gate = {"passed": False, "reason": settings["gate"]}
        store.set_round_state(number, "refused", gate=gate, decision=settings["gate"])
        store.finish(job.id, worker)
        store.enqueue("generate", {})
        return
    steps = settings.get("steps", 4)
    for step in range(1, steps + 1):
        progress = {
            "phase": "PPO on rollouts",
            "done": step,
            "total": steps,
            "eta_s": (steps - step) * 2.0,
            "note": "",
        }
        rule = {
            "rule": "KL is not negative",
            "ok": True,
            "value": 0.4 * step,
            "limit": 0.0,
            "says": "It agrees.",
        }
        found = {"step": step, "reward": 0.2 * step, "score": 0.3 * step, "kl": 0.4 * step, "lights": [rule]}
        store.add_step(number, step, found)
        if store.beat(job.id, worker, progress):
            store.set_round_state(number, "failed", decision="Cancelled by the operator.")
            store.fail(job.id, worker, "Cancelled by the operator.", cancelled=True)
            return
        time.sleep(settings.get("pause", 0.05))
    if settings.get("fail"):
        store.set_round_state(number, "failed", decision=settings["fail"])
        store.fail(job.id, worker, settings["fail"])
        return
    parent = store.round(number).version_number
    new = store.next_version_number()
    samples = [
        Sample(version_number=new, prompt_id=p.id, seed=1, text=f"After: {p.text}")
        for p in store.prompts()[:3]
    ]
    if not store.samples(parent):
        store.add_samples(
            [Sample(version_number=parent, prompt_id=s.prompt_id, seed=1, text="Before.") for s in samples]
        )
    gate = {"passed": True, "reason": "The head agrees with people."}
    store.publish(number, version(new, parent, "candidate"), gate=gate, decision="Learned.", samples=samples)
    store.finish(job.id, worker)
    store.enqueue("generate", {})


if __name__ == "__main__":
    main()
