"""A trainer without a model, for tests of the app: plays `python -m ppo work` with made-up texts, by the store alone.

What it writes holds to the contract that the real one is held to: tests/ppo/training/test_worker_contract.py.

As a program: `python -m app.trainer.run_until_parent_exits tests.fake_worker work --home HOME --device cpu`.
How it behaves is read from the store's setting "fake": {"texts": [...], "prompts": n, "overlap": n, "quota": n,
"steps": n, "pause": s, "gate": "a reason to refuse", "fail": "an error", "sample": {"system": …}}.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rater_data.lifecycle import Job, Sample, Version
from rater_data.records import Prompt, Response
from rater_data.round_settings import FIRST_RESPONSES
from rater_data.store import Store
from tests.head_report import HEAD_REPORT

PROMPTS = (
    "How do I boil an egg?",
    "Write one line about rain.",
    "What is a good name for a cat?",
    "Why is the sky blue?",
)
PER_PROMPT = 4
Show = Callable[[Job, dict[str, Any]], None]


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("command")
    arguments.add_argument("--home", type=Path)
    arguments.add_argument("--device")
    arguments.add_argument("--model")
    store = Store.open(arguments.parse_args().home, os.environ.get("RATELOOP_DATABASE_URL"))
    while True:
        if run_one(store, f"fake {os.getpid()}") is None:
            time.sleep(0.05)


def run_one(store: Store, worker: str = "fake", show: Show | None = None) -> Job | None:
    """Claims the next job and does it, as the real Worker's `run_one`; `show` sees every report of progress."""
    job = store.claim(worker)
    if job is None:
        return None
    settings = store.setting("fake", {}) or {}
    if job.kind == "generate":
        number = generate(store, settings)
        waited = [*store.setting(FIRST_RESPONSES, []), time.time() - job.created_at]
        store.set_setting(FIRST_RESPONSES, waited)
        store.finish(job.id, worker, {"round": number})
    else:
        train(store, job, worker, settings, show)
    return store.job(job.id)


def generate(store: Store, settings: dict[str, Any]) -> int:
    """Writes the next round's responses; returns its number."""
    wanted = settings.get("prompts", len(PROMPTS))
    if not store.prompts():
        more = (f"Question {i}?" for i in range(len(PROMPTS), wanted))
        store.add_prompts([Prompt.of(text) for text in (*PROMPTS, *more)])
    if store.current_version() is None:
        store.add_version(version(0, None, "current", settings.get("sample")))
    current = store.current_version().number
    found = store.round()
    if found is None or found.state not in ("generating",):
        config = {"quota": settings.get("quota", 8), "expected_responses": wanted * PER_PROMPT}
        config |= {"sample": settings["sample"]} if "sample" in settings else {}
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


def version_metrics(number: int, sample: dict[str, Any] | None = None) -> dict[str, Any]:
    """`sample`: how the responses were written that it was trained on."""
    told = {"system": "", "prompt_format": "chat"} | (sample or {})
    if number == 0:
        return {"kl": 0.0, "sample": told}
    return {
        "sample": told,
        "kl": 1.5 * number,
        "kl_se": 0.2,
        "length": 24.0,
        "eos_share": 0.5,
        "distinct_2": 0.9,
        "expected_rating": 5.0 + 0.4 * number,
        "expected_low": 4.6 + 0.4 * number,
        "expected_high": 5.4 + 0.4 * number,
        "expected_of_base": 5.0,
        "expected_change": 0.4,
        "expected_change_error": 0.2,
        "share": 1.0,
        "steps": 4,
        "seconds": {"PPO on rollouts": 1.0},
    }


def version(number: int, parent: int | None, status: str, sample: dict[str, Any] | None = None) -> Version:
    return Version(
        number=number,
        parent=parent,
        folder=f"versions/{number:04d}" if number else "",
        sha256="0" * 64,
        base_model="fake",
        base_revision="1",
        metrics=version_metrics(number, sample),
        status=status,
        created_at=time.time(),
    )


def train(store: Store, job: Job, worker: str, settings: dict[str, Any], show: Show | None = None) -> None:
    number, override = job.payload["round"], bool(job.payload.get("override"))
    if store.round(number).state in ("sealed", "refused"):
        store.set_round_state(number, "training")
    refusal = settings.get("gate")
    gate = gate_report(len(store.snapshot(number)), refusal, override)
    if refusal and not override:
        store.set_round_state(number, "refused", gate=gate, decision=refusal)
        store.finish(job.id, worker, {"round": number, "state": "refused"})
        store.enqueue("generate", {})
        return
    steps = settings.get("steps", 4)
    for step in range(steps + 1):
        store.add_step(number, step, step_metrics(store, step))
        progress = {
            "phase": "PPO on rollouts",
            "done": step,
            "total": steps,
            "eta_s": (steps - step) * 2.0,
            "note": "",
            "moved_at": time.time(),
        }
        if show is not None:
            show(job, progress)
        if store.job_heartbeat(job.id, worker, progress):
            store.set_round_state(number, "failed", decision="The operator stopped it.")
            store.fail(job.id, worker, "The operator stopped it.", cancelled=True)
            return
        time.sleep(settings.get("pause", 0.05))
    if settings.get("fail"):
        store.set_round_state(number, "failed", decision=settings["fail"])
        store.fail(job.id, worker, settings["fail"])
        return
    parent = store.current_version().number
    new = store.next_version_number()
    prompts = store.prompts()[:3]
    if not store.samples(parent):
        store.add_samples(
            [Sample(version_number=parent, prompt_id=p.id, seed=1, text="Before.") for p in prompts]
        )
    samples = [Sample(version_number=new, prompt_id=p.id, seed=1, text=f"After: {p.text}") for p in prompts]
    decision = f"Version {new} learned from {gate['ratings']} ratings."
    made = version(new, parent, "candidate", store.round(number).config.get("sample"))
    store.publish(number, made, gate=gate, decision=decision, samples=samples)
    store.finish(job.id, worker, {"round": number, "state": "published"})
    store.enqueue("generate", {})


def gate_report(ratings: int, refusal: str | None, override: bool) -> dict[str, Any]:
    return HEAD_REPORT | {
        "p_value": 0.4 if refusal else 0.01,
        "ceiling": None,
        "responses": ratings,
        "prompts": len(PROMPTS),
        "passed": not refusal,
        "reason": refusal or HEAD_REPORT["reason"],
        "ratings": ratings,
        "overridden": override and bool(refusal),
    }


def step_metrics(store: Store, step: int) -> dict[str, Any]:
    """Step 0 is PPO on ratings, the others are PPO on rollouts."""
    rule = {
        "rule": "KL is not negative",
        "ok": True,
        "value": 0.4 * step,
        "limit": 0.0,
        "says": "It agrees.",
    }
    metrics: dict[str, Any] = {
        "score": 0.3 * step,
        "rating": 5.0 + 0.3 * step,
        "reward": 0.2 * step,
        "kl": 0.4 * step,
        "entropy": 1.3,
        "explained_variance": 0.5,
        "length": 24.0,
        "eos_share": 0.5,
        "clip_frac": 0.02,
        "lights": [rule],
    }
    if step:
        metrics["samples"] = [{"prompt": p.text, "text": f"Step {step} says."} for p in store.prompts()[:2]]
    return metrics


if __name__ == "__main__":
    main()
