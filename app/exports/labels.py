"""The words of the export form: its formats, file types, prompts and options."""

from __future__ import annotations

FORMAT_LABELS = {
    "ratings": "Every rating, with its lineage",
    "preference": "Pairs: prompt, chosen, rejected",
    "prompt-completion": "Texts with their score",
    "unpaired": "Texts, good or not",
    "helpsteer": "Further qualities, HelpSteer's columns",
}
FILE_TYPE_LABELS = {
    "jsonl": "JSON lines",
    "csv": "CSV for spreadsheets",
    "parquet": "Parquet",
    "dataset": "Dataset for the hub, with its card (ZIP)",
}
SPLIT_LABELS = {"": "All prompts", "train": "Prompts for training", "holdout": "Prompts never trained on"}

OPTION_LABELS = {
    "round": "Only round",
    "since": "Only since",
    "min_margin": "Smallest margin",
    "threshold": "Good from this score",
    "same_rater": "Pairs of the same rater only",
    "ties": "Ties too",
    "conversational": "As chats",
}
"""Beside the form's fields, and in the errors about them."""
OPTION_FORMATS = {
    "min_margin": "preference",
    "same_rater": "preference",
    "ties": "preference",
    "threshold": "prompt-completion unpaired",
    "conversational": "prompt-completion preference unpaired",
}
"""The formats that an option is for, with blanks between; for the others its field is hidden."""
