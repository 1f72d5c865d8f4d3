"""An operator's own prompt, answered by some versions: what the console calls *Try it*."""

from dataclasses import asdict
from typing import Any

from ppo.progress import Progress
from ppo.training.engine import Engine
from rater_data.lifecycle import Job
from rater_data.records import Message, Prompt
from rater_data.store import Store


def answer_prompt_trial(store: Store, engine: Engine, job: Job, progress: Progress) -> dict[str, Any]:
    """The versions of the job's payload answer its messages, with one seed. Raises Missing."""
    versions = [int(v) for v in job.payload["versions"]]
    messages = tuple(Message(**m) for m in job.payload["messages"])
    prompt, seed = Prompt(messages=messages), int(job.payload["seed"])
    config = engine.round_config(store)
    said: list[dict[str, Any]] = []
    progress.phase("Answering a prompt", len(versions))
    for version in versions:
        store.version(version)
        engine.load_version(store, version)
        rollout, texts = engine.rollout([prompt], 1, config, seed)
        said.append(
            {
                "version": version,
                "text": texts[0],
                "tokens": int(rollout.lengths[0]),
                "ended": bool(rollout.ended[0]),
            }
        )
        progress.advance(len(said))
    return {"answers": said, "sample": asdict(config.sample)}
