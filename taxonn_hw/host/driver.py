"""The driver: trains and reads back an accelerator through any transport.

The same class drives the simulation and a board.  Register addresses come from the register map,
never from here.
"""

from dataclasses import dataclass

import numpy as np

from ..bus.registers import FIELDS, IDENTITY, REGISTERS, VERSION
from ..config_hash import hardware_hash
from ..golden.weights import Parameters
from ..plan.base import Move, Plan
from ..plan.loadable import LoadedNetwork
from ..plan.resident import resident_layout
from ..plan.streams import (
    element_width,
    geometry,
    pack_bits,
    result_shape,
    sample_beats,
    unpack_bits,
)
from .transport import Transport

__all__ = ["Accelerator", "Counters", "DeviceError", "Verdicts"]

_CHUNK = 1000  # samples whose beats are made at once


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


@dataclass(frozen=True, kw_only=True)
class Verdicts:
    """Predictions of training samples, each made before the sample was learnt.

    ``predicted`` is the class of the last one, ``correct`` counts the right ones since the counters
    were cleared, ``correct_recent`` those among the last 1000.
    """

    predicted: int
    correct: int
    correct_recent: int


class Accelerator:
    """Control an accelerator built for ``plan``.

    Opening checks identity, version, configuration and geometry, and resets nothing.

    Parameters
    ----------
    transport : Transport
        The way to the hardware.
    plan : Plan
        What the hardware was generated for.

    Raises
    ------
    DeviceError
        When something else answers.
    """

    def __init__(self, transport: Transport, plan: Plan) -> None:
        self.transport = transport
        self.plan = plan
        self.rate = plan.config.learning_rate_exponent
        self._places = np.zeros(0, dtype=np.int64)  # of the samples that are kept
        self._check("identity", IDENTITY, "no accelerator answers")
        self._check("version", VERSION, "the register map has another version")
        self._check("config_hash", hardware_hash(plan),
                    "the hardware was generated for another configuration")
        self._check("geometry", geometry(plan), "the hardware has other lanes or stream widths")
        self._load_tables(plan)

    def read(self, name: str) -> int:
        """Return the register ``name``."""
        return self.transport.read(REGISTERS[name].address)

    def write(self, name: str, value: int) -> None:
        """Write the register ``name``."""
        self.transport.write(REGISTERS[name].address, int(value))

    def load_network(self, plan: LoadedNetwork) -> None:
        """Let a loadable build run ``plan`` from now on, at its learning rate.

        Unless it ran it before, weights are then undefined, and the random generator begins with
        the network's seed.

        Raises
        ------
        DeviceError
            When samples are under way, or the plan is of another build.
        UserError
            When the network does not fit the build.
        """
        if plan.build is None or hardware_hash(plan) != hardware_hash(self.plan):
            raise DeviceError(f"{plan.config.name} is planned for other hardware than this")
        self._load_tables(plan)
        self.plan, self.rate = plan, plan.config.learning_rate_exponent

    def _load_tables(self, plan: Plan) -> None:
        """See that the hardware runs ``plan``, of a loadable build."""
        if plan.build is None:
            return
        from .loading import load_tables  # reads the layouts of the hardware

        if (why := load_tables(self, plan)) is not None:
            raise DeviceError(why)

    def await_moves(self, what: str, rows: int) -> None:
        """Wait until nothing moves any more: ``what``, of so many rows."""
        self._idle("moving", f"the end of {what}", 64 * rows + 100_000)

    def reset(self) -> None:
        """Reset the hardware; weights are then undefined and must be loaded."""
        self.transport.reset()

    def restart(self) -> None:
        """Start the random generator and the counters over, as for a new training run."""
        self._control("restart", "clear")

    def skip(self, samples: int) -> None:
        """Move the random generator on by so many samples; the weights are then undefined.

        The samples are trained, with zeros: they take few clocks and few bytes, and no hardware.
        """
        plan = self.plan
        for start in range(0, samples, _CHUNK):
            n = min(_CHUNK, samples - start)
            self._run(*self._samples(np.zeros((n, plan.n_inputs), dtype=np.int64),
                                     np.zeros((n, plan.output.n_out), dtype=np.int64)),
                      True, False)

    def begin(self, parameters: Parameters, samples: int = 0) -> None:
        """Begin a training run with ``parameters``, or take one up after so many samples."""
        self._load_tables(self.plan)
        self.restart()
        self.skip(samples)
        self.load(parameters)
        self.clear()

    def flush(self) -> None:
        """Drop samples that the hardware has loaded and not begun, after a run that broke off."""
        self._control("flush")

    def clear(self) -> None:
        """Zero the counters."""
        self._control("clear")

    def load(self, parameters: Parameters) -> None:
        """Write all weights and biases; of a loadable build, the network too if it is gone."""
        self._load_tables(self.plan)
        for move, elements in zip(self.plan.moves, self.plan.pack(parameters), strict=True):
            self._move("load", move, elements)

    def dump(self) -> Parameters:
        """Read all weights and biases back, bit-exact."""
        return self.plan.unpack([self._move("dump", move) for move in self.plan.moves])

    def train(self, x: np.ndarray, target: np.ndarray, rate: int | None = None,
              *, results: bool = True, progress=None) -> np.ndarray | None:
        """Take one step for each sample or batch, in order, as one run.

        A run begins a batch, and its end takes the step of one that is not full.

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
        progress : callable, optional
            Called with the samples sent and those of the run.
        """
        self._set_rate(rate)
        return self._run(*self._samples(np.atleast_2d(x), np.atleast_2d(target)), True, results,
                         progress)

    def keep(self, x: np.ndarray, target: np.ndarray) -> None:
        """Put samples into the resident memory, for :meth:`train_kept`; they replace what is there.

        Raises
        ------
        DeviceError
            When they do not fit.
        """
        layout = resident_layout(self.plan)
        elements, self._places = layout.encode(self.plan, x, target)
        if len(elements) // 2 > layout.words:
            raise DeviceError(f"{len(x)} samples take {len(elements) // 2} words of the resident "
                              f"memory, which has {layout.words}")
        found = self.read("resident_words")
        if found != layout.words:
            raise DeviceError(f"the resident memory has {found} words, not {layout.words}")
        self.write("resident", 1 << FIELDS["resident.fill"])
        for start in range(0, len(elements), 2 * _CHUNK):
            part = elements[start:start + 2 * _CHUNK]
            self._exchange(f"the filling of the resident memory with {len(x)} samples",
                           {"i_samples": pack_bits(part, element_width(self.plan))}, {},
                           64 * len(part) + 100_000)
        self.write("resident", 0)

    def train_kept(self, order: np.ndarray, rate: int | None = None, *, results: bool = False,
                   progress=None) -> np.ndarray | None:
        """Like :meth:`train`, with the kept samples numbered ``order``, int64 [n]."""
        self._set_rate(rate)
        layout, places = resident_layout(self.plan), self._places[np.asarray(order)]
        self.write("resident", 1 << FIELDS["resident.replay"])
        outputs = self._run(lambda part: layout.addresses(self.plan, places[part]), len(places),
                            True, results, progress)
        self.write("resident", 0)
        return outputs

    def infer(self, x: np.ndarray) -> np.ndarray:
        """Return the output codes int64 [n, n_out] for input codes ``x`` [n, n_in]."""
        return self._run(*self._samples(np.atleast_2d(x), None), False, True)

    def counters(self) -> Counters:
        """Return the counters since they were last cleared."""
        return Counters(
            cycles=self.read("cycles_low") | self.read("cycles_high") << 32,
            slots=self.read("slots_low") | self.read("slots_high") << 32,
            samples=self.read("samples_done"))

    def verdicts(self) -> Verdicts:
        """Return what the hardware counts of its predictions; all 0 in engine ``taxonn``."""
        return Verdicts(predicted=self.read("predicted"), correct=self.read("correct"),
                        correct_recent=self.read("correct_recent"))

    def _check(self, name: str, expected: int, complaint: str) -> None:
        found = self.read(name)
        if found != expected:
            raise DeviceError(f"{complaint}: {name} is {found:#010x}, not {expected:#010x}")

    def _control(self, *strobes: str, levels: int = 0) -> None:
        bits = sum(1 << FIELDS[f"control.{strobe}"] for strobe in strobes)
        self.write("control", bits | levels)

    def _set_rate(self, rate: int | None) -> None:
        if not self.plan.config.training:
            raise DeviceError("this accelerator was generated without training hardware")
        if rate is not None:
            low, high = self.plan.config.rate_range
            if not low <= rate <= high:
                raise DeviceError(f"rate must be {low} to {high}, not {rate}")
            self.rate = rate

    def _samples(self, x: np.ndarray, target: np.ndarray | None):
        """Return what gives the beats of a part of the samples, as elements, and their number."""
        plan, n = self.plan, len(x)
        if x.shape[1] != plan.n_inputs:
            raise ValueError(f"a sample has {plan.n_inputs} inputs, not {x.shape[1]}")
        if target is not None and target.shape != (n, plan.output.n_out):
            raise ValueError(f"targets must be [{n}, {plan.output.n_out}], "
                             f"not {list(target.shape)}")
        return lambda part: sample_beats(plan, x[part],
                                         None if target is None else target[part]), n

    def _run(self, beats_of, n: int, train: bool, results: bool, progress=None):
        """Run the samples in one start; their beats are made and sent part by part."""
        plan, output = self.plan, self.plan.output
        codes = np.zeros((0, 1), dtype=np.int64)
        if n:
            levels = train << FIELDS["control.train"] | results << FIELDS["control.results"]
            self.write("rate", self.rate)
            self.write("samples", n)
            self._control("start", levels=levels)
        width, shape, parts, pulled = element_width(plan), result_shape(plan), [codes], 0
        for start in range(0, n, _CHUNK):
            part = slice(start, min(start + _CHUNK, n))
            beats = pack_bits(beats_of(part) & (1 << width) - 1, width)
            whole = part.stop if part.stop == n else max(part.stop - plan.result_lag, 0)
            pull = {"o_results": (whole - pulled) * output.n_out} if results else {}
            pulled = whole
            budget = (part.stop - start + plan.result_lag) * plan.clocks_bound + 100_000
            came = self._exchange(f"samples {start + 1} to {part.stop} of {n}",
                                  {"i_samples": beats}, pull, budget)
            if results:
                parts.append(unpack_bits(came["o_results"], shape[0], 1, shape[1]))
            if progress is not None:
                progress(part.stop, n)
        if n:
            self._idle("busy", f"the end of {n} samples", plan.clocks_bound * 4 + 100_000)
        return np.concatenate(parts).reshape(-1, output.n_out) if results else None

    def _move(self, command: str, move: Move, elements: np.ndarray | None = None):
        """Load ``elements`` [beats, weight_group], or return them for command ``dump``."""
        plan = self.plan
        self.write("weight_row", 0)
        self.write("weight_count", move.count)
        self.write("weight_command", 1 << FIELDS[f"weight_command.{command}"]
                   | move.bias << FIELDS["weight_command.bias"])
        what = f"{command} of {move.count} {'biases' if move.bias else 'rows'}"
        budget = 64 * move.beats + 100_000
        push, pull = {}, {"o_weights": move.beats}
        if elements is not None:
            push, pull = {"i_weights": pack_bits(elements, plan.word)}, {}
        came = self._exchange(what, push, pull, budget)
        self._idle("moving", f"the end of the {what}", budget)
        if elements is None:
            return unpack_bits(came["o_weights"], plan.word, plan.weight_group, signed=True)
        return None

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
