"""An accelerator behind a compiled serial link, and runs on it to compare with the golden model."""

from functools import partial

import numpy as np

from taxonn_hw.config import config_from_dict
from taxonn_hw.data import load_for, quantize_dataset
from taxonn_hw.engines import engine_of, make_plan
from taxonn_hw.host.serial_device import open_pipe
from taxonn_hw.host.serial_pipe import ModelPipe
from taxonn_hw.rtl.accelerator import make_accelerator
from taxonn_hw.sidecar import stream_table
from tests.rtl.link.models import open_core

__all__ = ["BAUD", "Board", "same"]

BAUD = 3_000_000


def same(found, expected) -> bool:
    """Whether all weights and biases are equal."""
    return all(np.array_equal(a, b) for pair, other in zip(found, expected, strict=True)
               for a, b in zip(pair, other, strict=True))


class Board:
    """A plan, its compiled board, and a connection to it."""

    def __init__(self, folder, **config) -> None:
        self.plan = make_plan(config_from_dict({"data": "random", "seed": 5, **config}))
        self.engine = engine_of(self.plan)
        core = make_accelerator(self.plan)
        self.model = open_core(folder, core, stream_table(self.plan), baud=BAUD)

    def connect(self, pipe=None, **keys):
        """Open the board through ``pipe``, by default its own."""
        return open_pipe(pipe or ModelPipe(self.model), self.plan, baud=BAUD, **keys)

    @property
    def connector(self):
        return partial(self.connect)

    def samples(self, n: int):
        """Codes of ``n`` training samples: inputs and targets."""
        codes = quantize_dataset(self.plan, load_for(self.plan, samples=n))
        return codes.x_train[:n], codes.target_train[:n]

    def golden(self):
        """The initial weights, and a golden model with them."""
        start = self.engine.part("initial")(self.plan)
        return start, self.engine.part("golden")(self.plan, start)
