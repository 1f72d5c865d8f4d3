"""One folder of weights, config and tokenizer: loaded and tried."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import PreTrainedModel

from ppo.model.fp32_reading import Fp32Reading
from ppo.model.loading.config_checks import CONFIG, NO_CAUSAL, read_config
from ppo.model.loading.folders import ModelFolder, fetch_weights
from ppo.model.loading.foreign import reason_of, silenced
from ppo.model.loading.tokenizer import check_ids, load_tokenizer
from ppo.model.loading.weights import CPU, check_memory, load_weights, loaded_type, not_finite
from rater_data.errors import BadInput

LEAK = 1e-4  # of the largest logit; what the order of a sum can do is a hundredth of it


@dataclass(frozen=True)
class Loaded:
    """A model with its tokenizer. `stored_dtype`: of its weights on the disk; `notes`: what was done."""

    lm: PreTrainedModel
    tokenizer: Any
    stored_dtype: str
    notes: tuple[str, ...]


def load_causal_model(
    folder: ModelFolder,
    devices: Sequence[torch.device] = (CPU,),
    precision: str = "fp32",
    quantize: str = "",
) -> Loaded:
    """The folder's model on `devices`, for products in `precision`, with `quantize` ("4bit") in 4 bits. Raises Missing
    or BadInput with one sentence."""
    architecture = read_config(folder)
    dtype = loaded_type(_dtype_by_config(architecture.config), precision)
    check_memory(folder, architecture, dtype, devices, quantize)
    tokenizer, of_tokenizer = load_tokenizer(folder, architecture.config)
    folder = fetch_weights(folder)
    lm, stored_dtype, of_weights = load_weights(folder, architecture, devices, precision, quantize)
    embeddings: Any = lm.get_input_embeddings()
    of_ids = check_ids(folder, tokenizer, embeddings.weight.shape[0])
    check_finite(folder.whose, lm)
    _check_causal(folder, lm, embeddings.weight.shape[0])
    return Loaded(lm, tokenizer, stored_dtype, (*architecture.notes, *of_weights, *of_tokenizer, *of_ids))


def _dtype_by_config(config: Any) -> str:
    """The type of its weights as config.json says it: they may not have been fetched yet."""
    return str(getattr(config, "dtype", None)).removeprefix("torch.")


def check_finite(whose: str, lm: PreTrainedModel) -> None:
    """Raises BadInput for weights that are no numbers."""
    for where, parameter in lm.named_parameters():
        if not torch.isfinite(parameter).all():
            raise not_finite(whose, where)


def _check_causal(folder: ModelFolder, lm: PreTrainedModel, rows: int) -> None:
    """Raises BadInput where texts that begin alike have other logits there: such a model reads ahead."""
    texts = torch.tensor([[1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 3, 4, 9, 10, 11, 12]], device=lm.device).remainder(
        rows
    )
    try:
        with silenced(), torch.no_grad(), Fp32Reading():
            one, other = lm.eval()(input_ids=texts, use_cache=False).logits[:, :4]
    except Exception as error:  # anything may go wrong in a family's own forward
        raise BadInput(
            f"{folder.whose} loads, but cannot be run ({reason_of(error)}); its {CONFIG} and weights do not describe "
            "one model."
        ) from error
    if (one - other).abs().max() > LEAK * one.abs().max():
        raise BadInput(f"{folder.whose} reads the tokens to come as well: it is {NO_CAUSAL}.")
