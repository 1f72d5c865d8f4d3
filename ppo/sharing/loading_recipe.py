"""The commands that load a shared adapter, for its card: transformers with PEFT, and vLLM."""

import shlex

from ppo.markdown import fenced
from ppo.sharing.bases import SharedBase
from ppo.sharing.facts import AdapterFacts
from rater_data.round_settings import Told

_LOAD = """\
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

base = {base}
model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base{revision}), {where})
tokenizer = AutoTokenizer.from_pretrained(base{revision})
"""
_CHAT = """\
messages = [{system}{{"role": "user", "content": "What makes a good day?"}}]
inputs = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=True, return_tensors="pt")
"""
_PLAIN = """\
inputs = tokenizer("What makes a good day?", return_tensors="pt")
"""
_WRITE = """\
drawn = {{"do_sample": True, "temperature": {temperature}, "top_k": 0, "top_p": 1.0, "max_new_tokens": {longest}}}
written = model.generate(**inputs, **drawn)
print(tokenizer.decode(written[0, inputs["input_ids"].shape[1]:], skip_special_tokens=True))
"""
_VLLM = "vllm serve {base}{revision} --enable-lora --max-lora-rank {rank} --lora-modules {module}"
_RANKS = (8, 16, 32, 64, 128, 256, 512)  # those that vLLM takes


def loading_recipe(facts: AdapterFacts, base: SharedBase, where: str) -> str:
    """Python and a command, with the system prompt and the temperature that the adapter was trained under."""
    told, sample = Told.of(facts.version.metrics), facts.sample
    # no path in front of a name that is not on the hub: whoever has that model knows where
    name = repr(base.name if base.on_hub else "path/to/the/base")
    revision = f", revision={base.revision!r}" if base.revision else ""
    system = f'{{"role": "system", "content": {told.system!r}}}, ' if told.system else ""
    python = _LOAD.format(base=name, revision=revision, where=repr(where))
    python += _PLAIN if told.continuation else _CHAT.format(system=system)
    python += _WRITE.format(
        temperature=sample.get("temperature", 1.0), longest=sample.get("max_new_tokens", 96)
    )
    rank = int(facts.config.get("lora", {}).get("r", 16))
    command = _VLLM.format(
        base=base.name if base.on_hub else "path/to/the/base",
        revision=f" --revision {base.revision}" if base.revision else "",
        rank=next((allowed for allowed in _RANKS if allowed >= rank), rank),
        module=shlex.quote(f"rateloop={where}"),
    )
    note = f"\n\n{base.note}" if base.note else ""
    served = f"By a server of vLLM, as the model `rateloop`:\n\n{fenced(command, 'sh')}"
    return f"{fenced(python.rstrip(), 'python')}\n\n{served}{note}"
