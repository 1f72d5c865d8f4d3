"""The parts of a dataset: to which of them a prompt belongs follows from its hash alone."""

PARTS = ("train", "validation", "test")
MODULUS = 20  # a twentieth of the prompts is for testing, another for validation


def part_of(prompt_sha256: str, split: str) -> int:
    """Where a prompt goes: by the first 8 bytes of its sha256 modulo 20, 0 is test, 1 validation, the rest train.

    A holdout prompt is never in train: there even goes to test, odd to validation. The hash is of the messages as JSON
    with sorted keys and no blanks, so a prompt keeps its place from export to export and from home to home.
    """
    remainder = int(prompt_sha256[:16], 16) % MODULUS
    if split == "holdout":
        return 1 if remainder % 2 else 2
    return {0: 2, 1: 1}.get(remainder, 0)
