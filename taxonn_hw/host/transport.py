"""How a driver reaches an accelerator: registers and streams, whatever lies between.

:class:`Transport` is the protocol; :class:`SimTransport` is the compiled model.  A serial link or
a bus implements the same methods.
"""

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from .compiled import CompiledModel

__all__ = ["SimTransport", "Transport"]


class Transport(Protocol):
    """Registers of 32 bits by word address, and streams of beats by name.

    A beat is a row of little-endian 32-bit words, as :func:`taxonn_hw.plan.layout.pack_bits` makes
    them.
    """

    def reset(self) -> None:
        """Bring the hardware to its state after power-up."""

    def read(self, address: int) -> int:
        """Return the register at ``address``."""

    def write(self, address: int, value: int) -> None:
        """Write the register at ``address``."""

    def exchange(self, push: Mapping[str, np.ndarray], pull: Mapping[str, int],
                 budget: int) -> dict[str, np.ndarray]:
        """Push all beats of ``push`` while pulling as many as ``pull`` asks for.

        ``budget`` is a generous bound in accelerator clocks.

        Raises
        ------
        TimeoutError
            When the bound is over; the message names the streams that were awaited.
        """

    def wait(self, address: int, mask: int, value: int, budget: int) -> None:
        """Wait until ``read(address) & mask == value``; raise TimeoutError as above."""

    def close(self) -> None:
        """Let go of the hardware."""


class SimTransport:
    """The accelerator as a compiled simulation.

    Parameters
    ----------
    model : CompiledModel
        The Verilated design.
    stall_in, stall_out : float
        Probabilities that a beat is not offered or not accepted in a clock; for tests.
    seed : int
        Of the stalls.
    """

    def __init__(self, model: CompiledModel, *, stall_in: float = 0.0, stall_out: float = 0.0,
                 seed: int = 0) -> None:
        self.model = model
        self._stalls = {"stall_in": stall_in, "stall_out": stall_out}
        self._seed = seed
        self.reset()

    def reset(self) -> None:
        self.model.reset()

    def read(self, address: int) -> int:
        return self.model.read(address)

    def write(self, address: int, value: int) -> None:
        self.model.write(address, value)

    def exchange(self, push: Mapping[str, np.ndarray], pull: Mapping[str, int],
                 budget: int) -> dict[str, np.ndarray]:
        self._seed += 1
        _, pulled = self.model.run(budget, push, pull, seed=self._seed, **self._stalls)
        return pulled

    def wait(self, address: int, mask: int, value: int, budget: int) -> None:
        self.model.run_until(address, mask, value, budget)

    def close(self) -> None:
        """Nothing to do: the model is closed by who made it."""
