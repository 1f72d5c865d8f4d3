"""ppo/model/loading/weight_files.py: which files, and are they whole? A sentence for each way in which they are not."""

import json

import pytest
import torch
from safetensors.torch import save_file

from ppo.model.loading.base_models import load_base
from rater_data.errors import BadInput
from tests.ppo.model.loading.conftest import assert_one_sentence, rewrite, tensors_of

POINTER = (
    "version https://git-lfs.github.com/spec/v1\n"
    "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 268090000\n"
)
SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
PARTS = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]


def sharded(folder):
    """The same model in two files and an index, the form of every larger model."""
    tensors = tensors_of(folder)
    (folder / SINGLE).unlink()
    names = sorted(tensors)
    half = len(names) // 2
    places = {}
    for file, own in zip(PARTS, (names[:half], names[half:]), strict=True):
        save_file({name: tensors[name] for name in own}, folder / file)
        places |= dict.fromkeys(own, file)
    write_index(folder, places)
    return places


def write_index(folder, places):
    (folder / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": places}))


def test_a_sharded_model_loads_as_the_whole_one(copy_of, made):
    folder = copy_of("llama")
    sharded(folder)
    one, other = (load_base(str(f), f, "cpu").lm.state_dict() for f in (folder, made("llama")))
    assert all(torch.equal(one[name], tensor) for name, tensor in other.items())


def write(file, content):
    return lambda folder: (folder / file).write_bytes(
        content if isinstance(content, bytes) else content.encode()
    )


def cut(file, keep):
    """Keeps a part of the file, or adds to it where `keep` is beyond 1."""

    def damage(folder):
        whole = (folder / file).read_bytes()
        (folder / file).write_bytes((whole + b"\0" * len(whole))[: int(len(whole) * keep)])

    return damage


def header_of(change):
    def damage(folder):
        whole = (folder / SINGLE).read_bytes()
        length = int.from_bytes(whole[:8], "little")
        header = change(json.loads(whole[8 : 8 + length]))
        text = json.dumps(header).encode()
        (folder / SINGLE).write_bytes(len(text).to_bytes(8, "little") + text + whole[8 + length :])

    return damage


def wrong_dtype(header):
    name = next(name for name in header if name != "__metadata__")
    return header | {name: header[name] | {"dtype": "X9"}}


def without_weights(*others):
    def damage(folder):
        (folder / SINGLE).unlink()
        for name in others:
            (folder / name).write_bytes(b"x")

    return damage


def in_parts(change):
    def damage(folder):
        change(folder, sharded(folder))

    return damage


def twice_in_parts(folder, places):
    name = next(name for name, file in places.items() if file == PARTS[0])
    second = tensors_of_file(folder / PARTS[1]) | tensors_of_file(folder / PARTS[0], name)
    save_file(second, folder / PARTS[1])


def tensors_of_file(file, only=None):
    from safetensors.torch import load_file

    return {n: t.clone() for n, t in load_file(file).items() if only in (None, n)}


FAULTS = [
    (
        "a pointer",
        write(SINGLE, POINTER),
        r"model\.safetensors is a git-lfs pointer, .*; run `git lfs pull` in /",
    ),
    ("empty", write(SINGLE, ""), r"model\.safetensors is empty \(0 bytes\)"),
    ("a web page", write(SINGLE, "<!DOCTYPE html><html></html>"), r"is no safetensors file"),
    ("a few bytes", write(SINGLE, "abc"), r"is no safetensors file"),
    ("a renamed pickle", lambda f: torch.save({"a": torch.ones(1)}, f / SINGLE), r"is no safetensors file"),
    ("cut in the middle", cut(SINGLE, 0.5), r"is cut off: it has \d+ bytes where its header tells \d+"),
    ("cut in the header", cut(SINGLE, 0.01), r"is cut off at \d+ bytes"),
    ("too long", cut(SINGLE, 1.1), r"goes on after its end: it has \d+ bytes where its header tells \d+"),
    ("a header that is no JSON", write(SINGLE, b"\x05\0\0\0\0\0\0\0{{{{{"), r"has a damaged header"),
    ("a header that is a list", write(SINGLE, b"\x03\0\0\0\0\0\0\0{1}"), r"has a damaged header"),
    ("a type that nobody knows", header_of(wrong_dtype), r"model\.safetensors is damaged \("),
    ("no tensor", lambda f: rewrite(f, {}), r"holds no tensor"),
    ("no weights", without_weights(), r"has no weights: there is no model\.safetensors"),
    (
        "pickled",
        without_weights("pytorch_model.bin"),
        r"has pickled weights alone.* convert them: python -c .*from_pretrained\('/.*save_pretrained",
    ),
    ("pickled in parts", without_weights("pytorch_model-00001-of-00002.bin"), r"has pickled weights alone"),
    (
        "of Lightning",
        without_weights("last.ckpt"),
        r"has pickled weights alone.* bring the model as written by",
    ),
    ("GGUF", without_weights("model.Q4_K_M.gguf"), r"has GGUF files alone, which are quantised; bring"),
    (
        "another name",
        without_weights("consolidated.safetensors"),
        r"what is there \(consolidated\.safetensors\)",
    ),
    (
        "no index",
        in_parts(lambda f, p: (f / INDEX).unlink()),
        r"has parts of its weights and no model\.safe.*index",
    ),
    (
        "a part missing",
        in_parts(lambda f, p: (f / PARTS[1]).unlink()),
        r"names 2 weight files and 1 not there \(model-00002-of-00002\.safetensors\); copy or download",
    ),
    (
        "an index of more",
        in_parts(lambda f, p: write_index(f, p | {"model.more.weight": PARTS[0]})),
        r"names 1 tensor not held by the file it is said to be in \(model\.more\.weight\)",
    ),
    (
        "an index of other places",
        in_parts(lambda f, p: write_index(f, dict(zip(p, reversed(p.values()), strict=True)))),
        r"names \d+ tensors not held by the file",
    ),
    (
        "a tensor in two parts",
        in_parts(twice_in_parts),
        r"holds the tensor \S+ twice, in model-00001.* and in model-0",
    ),
    (
        "a part empty",
        in_parts(lambda f, p: (f / PARTS[1]).write_bytes(b"")),
        r"model-00002-of-00002.* is empty",
    ),
    (
        "a part a pointer",
        in_parts(lambda f, p: (f / PARTS[0]).write_text(POINTER)),
        r"model-00001.*git-lfs pointer",
    ),
    (
        "an index a pointer",
        in_parts(lambda f, p: (f / INDEX).write_text(POINTER)),
        r"index\.json is a git-lfs pointer",
    ),
    (
        "an index cut off",
        in_parts(lambda f, p: cut(INDEX, 0.5)(f)),
        r"index\.json cannot be read \(JSONDecodeError",
    ),
    (
        "an index of nothing",
        in_parts(lambda f, p: write_index(f, {})),
        r"index\.json has no weight_map of tensors",
    ),
    (
        "two sets",
        lambda f: (sharded(f), save_file({"a": torch.ones(1)}, f / SINGLE)),
        r"holds two sets of weights, model\.safetensors and the files of model\.safetensors\.index\.json",
    ),
]


@pytest.mark.parametrize(
    ("damage", "said"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS]
)
def test_files_that_are_not_whole_are_one_sentence(copy_of, damage, said):
    folder = copy_of("llama")
    damage(folder)
    with pytest.raises(BadInput, match=said) as refused:
        load_base(str(folder), folder, "cpu")
    assert_one_sentence(str(refused.value))


def test_pickled_weights_beside_whole_ones_are_not_opened(copy_of):
    folder = copy_of("llama")
    (folder / "pytorch_model.bin").write_bytes(b"no pickle at all")
    load_base(str(folder), folder, "cpu")
