"""Clocks of convolutional nets, predicted exactly: the sequencer's twin in time.

The schedule does not depend on the data.  :class:`ConvSchedule` follows every slot from the
sequencer through the hazard stage, with the same waits as the hardware, until a sample leaves the
machine as the sample before had left it; all later samples take the same clocks.
"""

from dataclasses import dataclass, replace

from .base import LoadTime, PassTime, Prediction
from .conv_program import ConvPass, ConvProgram
from .latency import (
    ADDRESS_LATENCY,
    POOL_LATENCY,
    PRODUCT_STAGE,
    SUM_STAGE,
    UnitLatencies,
    conv_write_latency,
    group_latency,
    image_release,
    softmax_latency,
)
from .network import Network
from .program import Element, Finish

__all__ = ["ConvSchedule", "predict_conv_run"]


@dataclass(frozen=True)
class _Slot:
    """A slot: the row it reads (-1: none), whether it writes it, channels it drains, and whether
    the array multiplies."""

    row: int
    update: bool
    drained: int
    multiply: bool


class ConvSchedule:
    """Walks the slots of sample after sample; times are cycles of the sequencer."""

    def __init__(self, network: Network, *, training: bool) -> None:
        self.network, self.program = network, ConvProgram(network)
        self.training = training
        self.write_latency = conv_write_latency(network)
        self.passes = self.program.passes if training else self.program.forward
        self.slots = [list(_slots(p)) for p in self.passes]
        hardware = network.build.program if network.build else self.program
        unit = UnitLatencies(hardware)
        into = ADDRESS_LATENCY + SUM_STAGE + 1 + group_latency(hardware)
        tree = ADDRESS_LATENCY + PRODUCT_STAGE + (network.lanes - 1).bit_length() + 1
        self.stored_after = [self._stored_after(p, unit, into, tree) for p in self.passes]
        group = network.samples_per_clock
        self.beats = -(-network.n_inputs // group) + (
            -(-network.output.n_out // group) if training else 0)
        self.next = self.before = self.leaves = self.drain_free = 0
        self.stored = self.loaded = self.end = 0
        self.freed = [-1, -1]
        self.written: dict[int, int] = {}
        self.writes: list[int] = []
        self.begin: int | None = None
        self.n_samples = self.n_slots = self.n_useful = 0
        self.times: list[PassTime] = []
        self.loads: list[LoadTime] = []

    def _stored_after(self, p: ConvPass, unit: UnitLatencies, into: int, tree: int) -> int:
        """Cycles from the last slot's leaving to the first in which results count as stored."""
        if p.finish is Finish.NONE:
            return 0
        if p.element is Element.BACKWARD:
            below = self.program.walks[p.layer.index - 2]
            return tree + below.deltas - 1 + unit.delta - 1 + POOL_LATENCY
        serves_delta = p.layer.is_output and self.network.config.training
        latency = unit.delta if serves_delta else unit.activation
        last = p.walk.lanes_in(p.walk.n_blocks - 1)
        if p.layer.is_output and (kept := softmax_latency(self.network)):
            latency += kept + p.layer.n_out - 1
        return into + last - 1 + latency - 1 + POOL_LATENCY

    def run(self) -> None:
        """Add one sample."""
        n = self.n_samples
        if n:
            start = max(self.loaded + 1, self.freed[n % 2])
            self.loaded = start + self.beats - 1
            self.loads.append(LoadTime(n, start, self.loaded))
        self.next = max(self.next, self.loaded + 1)
        for number, p in enumerate(self.passes):
            cursor = max(self.next, self.stored) if p.waits else self.next
            first, before, last_sum, stored = None, self.n_slots, 0, None
            for slot in self.slots[number]:
                issue = max(cursor, self.before + 1)  # a slot waits between the two
                self._leave(slot, max(issue, self.leaves) + 1)
                cursor, first = issue + 1, issue if first is None else first
                last_sum = self.leaves if slot.multiply else last_sum
                self.begin = issue if self.begin is None else self.begin
            self.next = cursor
            self.n_useful += p.walk.useful
            if p.element is not Element.BACKWARD:
                self.n_useful += p.walk.n_positions * p.walk.channels_out
            if p.finish is not Finish.NONE:
                stored = last_sum + self.stored_after[number]
                self.stored = max(self.stored, stored)
            self.end = max(self.leaves + 1 + self.write_latency, cursor, self.stored)
            self.times.append(PassTime(
                sample=n, number=number, layer=p.layer.index, element=p.element.name.lower(),
                first=first, last=cursor - 1, slots=self.n_slots - before, stored=stored))
        self.freed[n % 2] = cursor + image_release(self.network)
        self.written = {row: at for row, at in self.written.items()
                        if at + self.write_latency >= self.leaves}
        self.n_samples += 1

    def _leave(self, slot: _Slot, leaves: int) -> None:
        """Let a slot leave the hazard stage at ``leaves`` or later."""
        if slot.row >= 0 and slot.row in self.written:
            leaves = max(leaves, self.written[slot.row] + self.write_latency + 1)
        if slot.drained:
            leaves = max(leaves, self.drain_free)
            self.drain_free = leaves + slot.drained
        if slot.row >= 0 and self.writes:
            while leaves in self.writes:
                leaves += 1
                if slot.drained:
                    self.drain_free += 1
            self.writes = [at for at in self.writes if at > leaves]
        if slot.update:
            self.written[slot.row] = leaves
            if self.network.single_port:
                self.writes.append(leaves + self.write_latency - ADDRESS_LATENCY)
        self.before, self.leaves = self.leaves, leaves
        self.n_slots += slot.multiply

    def state(self) -> tuple:
        """Return what later samples depend on, relative to the next pass."""
        at = self.next
        return (self.before - at, self.leaves - at, max(self.drain_free - at, 0),
                self.stored - at, self.loaded - at, self.end - at,
                tuple(freed - at for freed in self.freed[::1 if self.n_samples % 2 else -1]),
                tuple((row, written - at) for row, written in sorted(self.written.items())),
                tuple(write - at for write in self.writes if write > at))


def predict_conv_run(network: Network, golden, samples: int | None, training: bool) -> Prediction:
    """Predict the clocks of ``samples`` samples; without, of as many as ``golden`` kept."""
    if samples is None:
        samples = len(golden.traces) if golden is not None and golden.traces else 64
    schedule = ConvSchedule(network, training=training)
    marks, extra = [], 0
    for k in range(samples):
        schedule.run()
        marks.append((schedule.state(), schedule.next, schedule.n_slots, schedule.n_useful))
        if k > 2 and marks[-1][0] == marks[-2][0]:
            extra = samples - 1 - k
            break
    clocks, slots, useful = ([marks[-1][i] - marks[-2][i] for i in (1, 2, 3)] if extra
                             else (0, 0, 0))
    cycles = schedule.end - (schedule.begin or 0) + extra * clocks
    return Prediction(
        cycles=cycles, slots=schedule.n_slots + extra * slots, samples=samples,
        passes=tuple(schedule.times), loads=tuple(schedule.loads),
        useful=(schedule.n_useful + extra * useful) / max(network.lanes * cycles, 1))


def _slots(p: ConvPass):
    """Yield the slots of a pass, in order."""
    w, layer = p.walk, p.layer
    if p.element is Element.BACKWARD:
        yield from _input_slots(p)
        return
    rows = w.channels_in * w.tap_rows
    for block in range(w.n_blocks):
        base = layer.row_base + block * layer.row_stride
        walk = [_Slot(base + row, False, 0, True) for row in range(rows)]
        bias = _Slot(base + rows, False, w.lanes_in(block), True)
        if p.element is Element.FORWARD:
            for _ in range(w.n_positions):
                yield from walk
                yield bias
            continue
        quiet = _Slot(-1, False, 0, True)
        for slot in [*walk, bias]:
            for _ in range(w.n_positions - 1):
                yield quiet
            yield replace(slot, update=True, drained=0)


def _input_slots(p: ConvPass):
    """Yield the slots of an input gradient."""
    w, layer = p.walk, p.layer
    for start_y, lines in w.lines():
        for start_x, columns in w.columns():
            taps = [start_y + start_x + line * w.line_step + column * w.stride
                    for line in range(lines) for column in range(columns)]
            n_null = max(p.n_least - w.n_blocks * len(taps), 0)
            for channel in range(w.channels_in):
                for block in range(w.n_blocks):
                    base = layer.row_base + block * layer.row_stride + channel * w.tap_rows
                    for tap in taps:
                        yield _Slot(base + tap, False, 0, True)
                for _ in range(n_null):
                    yield _Slot(-1, False, 0, False)
