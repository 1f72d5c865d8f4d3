"""The ring with what stands in for a server of vLLM as the one who writes: over HTTP, through the real worker."""

import json
from dataclasses import replace

import pytest

from ppo.config import Config, PlanConfig, SampleConfig
from ppo.demo.demo import Demo, DemoConfig
from ppo.generation import vllm_server
from ppo.training.engine import Engine
from ppo.training.worker import Worker
from rater_data.errors import RateloopError
from rater_data.round_settings import ENGINE_REPORT
from rater_data.store import Store
from tests.ppo.generation.stand_in import BASE, RAW, StandIn, served

CONFIG = replace(Config(), precision="fp32", sample=SampleConfig(max_new_tokens=10))
CONFIG = replace(
    CONFIG,
    ppo=replace(CONFIG.ppo, steps=2, prompts_per_step=4),
    plan=PlanConfig(ratings=32, control_share=0.2),
)


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(vllm_server, "PAUSES", (0.01, 0.01))


@pytest.fixture(scope="module")
def few_prompts(tmp_path_factory):
    """Twelve short ones to train on and three that are held out: what is written without a cache takes its time."""
    rows = [{"prompt": f"Say {i}.", "split": "holdout" if i % 5 == 0 else "train"} for i in range(15)]
    file = tmp_path_factory.mktemp("prompts") / "few.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return file


def demo(home, address, prompts):
    settings = DemoConfig(rounds=1, ratings=32, noise=0.0, evaluated_per_prompt=1, prompts=prompts)
    return Demo(
        home, "tiny", "cpu", lambda _p, r: 10 - len(r) / 1.1, settings, CONFIG, lambda _: None, None, address
    )


def test_a_round_is_written_by_a_server(tmp_path, few_prompts):
    server = StandIn()
    with served(server) as address:
        run = demo(tmp_path, address, few_prompts)
        rows = run.run()["rounds"]
    assert [row["state"] for row in rows] == ["start", "published"]
    store = Store.open(tmp_path)
    steps = store.steps(1)
    assert [step["step"] for step in steps] == [0, 1, 2]
    for step in steps[1:]:
        assert step["generator_gap"] < 1e-5, "fp32 on both sides"
        assert step["generator_effective"] == pytest.approx(1, abs=1e-6)
        (light,) = (light for light in step["lights"] if light["rule"] == "generator agrees")
        assert light["ok"]
    assert "generator_gap" not in steps[0], "rated responses were written before"
    report = store.setting(ENGINE_REPORT)
    assert any(address in note and "with an adapter" in note for note in report["notes"])
    # The version writes the next round, and its parent, the base, the control arm: by name
    assert {r.version_number for r in store.responses(2)} == {0, 1}
    asked = [body["model"] for body in server.asked("/v1/completions")]
    loaded = [body["lora_name"] for body in server.asked("/v1/load_lora_adapter")]
    assert len(loaded) == len(set(loaded)), "no adapter was loaded twice"
    assert set(asked) == {BASE, *loaded}
    store.close()


@pytest.fixture
def writing(tmp_path, few_prompts):
    """A server, its address, and a worker whose job of the first responses is queued."""
    server = StandIn()
    with served(server) as address:
        store = Store.open(tmp_path)
        run = demo(tmp_path, address, few_prompts)
        run.store = store
        run._add_prompts()
        store.enqueue("generate", {})
        engine: list[Engine] = []

        def make():
            engine[:] = engine or [Engine(tmp_path, "tiny", "cpu", CONFIG, address)]
            return engine[0]

        yield server, store, Worker(store, make)
        store.close()


def test_a_server_that_dies_fails_the_job_which_is_taken_up_again(writing):
    server, store, worker = writing
    server.dies_after = 20  # the probe and the first prompt's answers
    job = worker.run_one()
    assert job.state == "failed"
    assert job.error.startswith("The generator at http://127.0.0.1:")
    assert job.error.endswith("start it, and begin the job again.")
    written = {r.slot: r.token_ids for r in store.responses(1)}
    assert len(written) == 2
    assert store.round().state == "generating"
    server.dies_after = None
    store.enqueue("generate", {})
    assert worker.run_one().state == "done"
    now = {r.slot: r.token_ids for r in store.responses(1)}
    assert len(now) > 2 and {slot: now[slot] for slot in written} == written


def test_a_server_that_disagrees_fails_the_job_with_the_cause(writing):
    server, store, worker = writing
    _ = worker.engine  # the probe finds nothing wrong yet
    server.ways = (RAW,)
    job = worker.run_one()
    assert job.state == "failed"
    assert "start it with --logprobs-mode processed_logprobs" in job.error
    assert store.responses(1) == []


def test_no_server_is_said_before_the_model_is_loaded(tmp_path, monkeypatch):
    monkeypatch.setattr("ppo.training.engine.load_base", lambda *_: pytest.fail("the model was loaded"))
    with pytest.raises(RateloopError, match=r"^The generator at http://127.0.0.1:9 does not answer"):
        Engine(tmp_path, "tiny", "cpu", CONFIG, "http://127.0.0.1:9")
