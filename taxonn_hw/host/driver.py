"""The driver: trains and reads back an accelerator through any transport.

The same class drives the simulation and a board.  Register addresses come from the register map,
never from here.
"""

from dataclasses import dataclass

import numpy as np

from ..bus.registers import FIELDS, IDENTITY, REGISTERS, VERSION
from ..config_hash import config_hash
from ..golden.weights import Parameters
from ..plan import Network
from ..plan.layout import (
    element_width,
    geometry,
    pack_bits,
    pack_parameters,
    sample_beats,
    unpack_bits,
    unpack_parameters,
    weight_group,
)
from .transport import Transport

__all__ = ["Accelerator", "Counters", "DeviceError"]

_CHUNK = 1000  # samples of one start


class DeviceError(RuntimeError):
    """The hardware is not the one that was asked for, or does not answer; one line."""


@dataclass(frozen=True, kw_only=True)
class Counters:
    """Clocks from first slot to last write, slots taken, samples finished."""

    cycles: int
    slots: int
    samples: int

    @property
    def clocks_per_sample(self) -> float:
        """Mean clocks of a sample, 0 before the first."""
        return self.cycles / self.samples if self.samples else 0.0

    @property
    def utilisation(self) -> float:
        """Ratio of clocks in which the array took a slot, 0 to 1."""
        return self.slots / self.cycles if self.cycles else 0.0


class Accelerator:
    """Control an accelerator built for ``network``.

    Opening checks identity, version, configuration and geometry, and resets nothing.

    Parameters
    ----------
    transport : Transport
        The way to the hardware.
    network : Network
        What the hardware was generated for.

    Raises
    ------
    DeviceError
        When something else answers.
    """

    def __init__(self, transport: Transport, network: Network) -> None:
        self.transport = transport
        self.network = network
        self.rate = network.config.learning_rate_exponent
        self._check("identity", IDENTITY, "no accelerator answers")
        self._check("version", VERSION, "the register map has another version")
        self._check("config_hash", config_hash(network.config),
                    "the hardware was generated for another configuration")
        self._check("geometry", geometry(network), "the hardware has other lanes or stream widths")

    def read(self, name: str) -> int:
        """Return the register ``name``."""
        return self.transport.read(REGISTERS[name].address)

    def write(self, name: str, value: int) -> None:
        """Write the register ``name``."""
        self.transport.write(REGISTERS[name].address, int(value))

    def reset(self) -> None:
        """Reset the hardware; weights are then undefined and must be loaded."""
        self.transport.reset()

    def restart(self) -> None:
        """Start the random generator and the counters over, as for a new training run."""
        self._control("restart", "clear")

    def flush(self) -> None:
        """Drop samples that the hardware has loaded and not begun, after a run that broke off."""
        self._control("flush")

    def clear(self) -> None:
        """Zero the counters."""
        self._control("clear")

    def load(self, parameters: Parameters) -> None:
        """Write all weights and biases."""
        rows, biases = pack_parameters(self.network, parameters)
        group = weight_group(self.network.lanes)
        self._move("load", False, rows.reshape(-1, group))
        if self._has_scalar_biases:
            scalars = np.zeros((len(biases), group), dtype=np.int64)
            scalars[:, 0] = biases
            self._move("load", True, scalars)

    def dump(self) -> Parameters:
        """Read all weights and biases back, bit-exact."""
        network = self.network
        rows = self._move("dump", False).reshape(network.n_rows, network.lanes)
        biases = np.zeros(network.n_neurons, dtype=np.int64)
        if self._has_scalar_biases:
            biases = self._move("dump", True)[:, 0]
        return unpack_parameters(network, rows, biases)

    def train(self, x: np.ndarray, target: np.ndarray, rate: int | None = None,
              *, results: bool = True) -> np.ndarray | None:
        """Take one step for each sample, in order.

        Parameters
        ----------
        x : int64 [n, n_in]
            Input codes.
        target : int64 [n, n_out]
            Target codes.
        rate : int, optional
            Learning-rate exponent from now on.
        results : bool
            Return the outputs before each update; without them nothing is emitted.
        """
        if not self.network.config.training:
            raise DeviceError("this accelerator was generated without training hardware")
        if rate is not None:
            low, high = self.network.config.rate_range
            if not low <= rate <= high:
                raise DeviceError(f"rate must be {low} to {high}, not {rate}")
            self.rate = rate
        return self._run(np.atleast_2d(x), np.atleast_2d(target), results)

    def infer(self, x: np.ndarray) -> np.ndarray:
        """Return the output codes int64 [n, n_out] for input codes ``x`` [n, n_in]."""
        return self._run(np.atleast_2d(x), None, True)

    def counters(self) -> Counters:
        """Return the counters since they were last cleared."""
        return Counters(
            cycles=self.read("cycles_low") | self.read("cycles_high") << 32,
            slots=self.read("slots_low") | self.read("slots_high") << 32,
            samples=self.read("samples_done"))

    @property
    def _has_scalar_biases(self) -> bool:
        return not all(layer.by_outputs for layer in self.network.layers)

    def _check(self, name: str, expected: int, complaint: str) -> None:
        found = self.read(name)
        if found != expected:
            raise DeviceError(f"{complaint}: {name} is {found:#010x}, not {expected:#010x}")

    def _control(self, *strobes: str, levels: int = 0) -> None:
        bits = sum(1 << FIELDS[f"control.{strobe}"] for strobe in strobes)
        self.write("control", bits | levels)

    def _run(self, x: np.ndarray, target: np.ndarray | None, results: bool):
        network, output = self.network, self.network.output
        if x.shape[1] != network.n_inputs:
            raise ValueError(f"a sample has {network.n_inputs} inputs, not {x.shape[1]}")
        if target is not None and target.shape != (len(x), output.n_out):
            raise ValueError(f"targets must be [{len(x)}, {output.n_out}], "
                             f"not {list(target.shape)}")
        levels = (target is not None) << FIELDS["control.train"]
        levels |= results << FIELDS["control.results"]
        self.write("rate", self.rate)
        parts = []
        for start in range(0, len(x), _CHUNK):
            part = slice(start, min(start + _CHUNK, len(x)))
            n = part.stop - part.start
            elements = sample_beats(network, x[part], None if target is None else target[part])
            mask = (1 << element_width(network)) - 1
            beats = pack_bits(elements & mask, element_width(network))
            self.write("samples", n)
            self._control("start", levels=levels)
            pull = {"o_results": n * output.n_out} if results else {}
            budget = n * self._clocks_bound + 100_000
            pulled = self._exchange(f"{n} samples", {"i_samples": beats}, pull, budget)
            self._idle("busy", f"the end of {n} samples", budget)
            if results:
                q = output.formats.a
                codes = unpack_bits(pulled["o_results"], q.width, 1, q.signed)
                parts.append(codes.reshape(n, output.n_out))
        empty = np.zeros((0, output.n_out), dtype=np.int64)
        return np.concatenate([empty, *parts]) if results else None

    def _move(self, command: str, bias: bool, elements: np.ndarray | None = None):
        """Load ``elements`` [beats, group], or return them for command ``dump``."""
        network = self.network
        group = weight_group(network.lanes)
        count = network.n_neurons if bias else network.n_rows
        n_beats = count if bias else count * network.lanes // group
        self.write("weight_row", 0)
        self.write("weight_count", count)
        self.write("weight_command", 1 << FIELDS[f"weight_command.{command}"]
                   | bias << FIELDS["weight_command.bias"])
        what = f"{command} of {count} {'biases' if bias else 'rows'}"
        budget = 64 * n_beats + 100_000
        push, pull = {}, {"o_weights": n_beats}
        if elements is not None:
            push, pull = {"i_weights": pack_bits(elements, network.word)}, {}
        pulled = self._exchange(what, push, pull, budget)
        self._idle("moving", f"the end of the {what}", budget)
        if elements is None:
            return unpack_bits(pulled["o_weights"], network.word, group, signed=True)
        return None

    @property
    def _clocks_bound(self) -> int:
        """More clocks than a sample can take."""
        return 64 * (self.network.n_rows + self.network.n_neurons + self.network.n_inputs) + 4096

    def _exchange(self, what: str, push, pull, budget: int):
        try:
            return self.transport.exchange(push, pull, budget)
        except TimeoutError as error:
            raise DeviceError(f"awaited {what}, {error}; {self._status()}") from None

    def _idle(self, bit: str, what: str, budget: int) -> None:
        register = REGISTERS["status"]
        try:
            self.transport.wait(register.address, 1 << FIELDS[f"status.{bit}"], 0, budget)
        except TimeoutError as error:
            raise DeviceError(f"awaited {what}, {error}; {self._status()}") from None

    def _status(self) -> str:
        status = self.read("status")
        names = [bit for bit, place in REGISTERS["status"].fields.items() if status >> place & 1]
        return f"status {status:#x} ({' '.join(names) or 'idle'})"
