"""Data sets: bundled, made up, or read from a folder; and their codes."""

from .codes import (
    QuantizedDataset,
    input_codes,
    one_hot,
    pad_inputs,
    quantize_dataset,
    target_codes,
)
from .dataset import BUILT_IN, Dataset, load_dataset, load_for, load_or_random
from .folder import FOLDER_SETS

__all__ = [
    "BUILT_IN",
    "FOLDER_SETS",
    "Dataset",
    "QuantizedDataset",
    "input_codes",
    "load_dataset",
    "load_for",
    "load_or_random",
    "one_hot",
    "pad_inputs",
    "quantize_dataset",
    "target_codes",
]
