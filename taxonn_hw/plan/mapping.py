"""Which side of a layer lies in the lanes, where nobody says so."""

from itertools import product
from typing import Literal

from ..config import Config

__all__ = ["Mapping", "choose_mapping", "runs_as_kernels"]

Mapping = Literal["outputs", "inputs"]


def runs_as_kernels(config: Config) -> bool:
    """Whether every layer runs as a kernel over an image, a dense one over a single pixel.

    Where there are convolutions; and where steps need more than a product, for sums of gradients
    are formed in the lanes there: with batches of several samples, and where weights decay.
    """
    steps = config.training and (config.batch != 1 or config.weight_decay is not None)
    return steps or any(layer.kind == "conv" for layer in config.layers)


def choose_mapping(config: Config, sizes: list[int]) -> tuple[Mapping, ...]:
    """Choose lanes = outputs or inputs per layer by the multiply slots of a training sample."""
    fixed = ["outputs" if layer.kind == "conv" else layer.mapping if layer.mapping != "auto"
             else config.mapping for layer in config.layers]
    if runs_as_kernels(config):
        return tuple("outputs" if choice == "auto" else choice for choice in fixed)
    options = [("outputs", "inputs") if choice == "auto" else (choice,) for choice in fixed]
    if len(options) > 12:  # too many to try: each layer on its own
        return tuple(min(choices, key=lambda c, i=i: _slots(config, sizes, i, c, None))
                     for i, choices in enumerate(options))
    return min(product(*options), key=lambda choice: sum(
        _slots(config, sizes, i, c, choice[i + 1] if i + 1 < len(choice) else None)
        for i, c in enumerate(choice)))


def _slots(config: Config, sizes: list[int], i: int, mapping: Mapping,
           above: Mapping | None) -> float:
    """Estimate the clocks of dense layer ``i`` (from 0): its slots, and the drains it causes."""
    n_in, n_out, lanes = sizes[i], sizes[i + 1], config.lanes
    density = 0.5 if config.zero_skip else 1.0
    blocks_in, blocks_out = -(-n_in // lanes), -(-n_out // lanes)
    passes = 2 if i == 0 else 3
    last = i == len(sizes) - 2
    kind = config.layers[i].activation or (config.output if last else config.activation)
    if mapping == "outputs":
        slots = blocks_out * (n_in * density + 1) * passes
        serial = kind.is_table or last or above == "outputs"
        return slots + (n_out * 0.5 if serial else 0)
    return blocks_in * n_out * (1 + (passes - 1) * density) + (8 if i else 0)
