"""Clocks of the engine ``taxonn``, predicted exactly: the sequencer's twin in time.

The schedule depends on the data only through its zeros, which :class:`SampleTrace` of the golden
model shows.  :func:`predict` follows every slot from the sequencer through the hazard stage, with
the same waits as the hardware; ``taxonn simulate`` measures the same number of clocks when samples
arrive without stalls.
"""

from collections import deque

import numpy as np

from .alignment import Alignment
from .base import LoadTime, PassTime, Prediction
from .latency import (
    ARRAY_LATENCY,
    LIST_LATENCY,
    PRODUCT_STAGE,
    SUM_STAGE,
    WRITE_LATENCY,
    UnitLatencies,
    issue_latency,
    lane_activation_stage,
    lane_delta_stage,
    row_release,
    softmax_latency,
    tree_latency,
)
from .network import Network
from .program import Element, Finish, Pass, Program

__all__ = ["Schedule", "predict", "predict_run"]


def predict(network: Network, traces, *, training: bool = True) -> Prediction:
    """Predict the clocks of the samples whose ``traces`` the golden model made, in order."""
    schedule = Schedule(network, training=training)
    for trace in traces:
        schedule.run(trace)
    return schedule.prediction()


def predict_run(network: Network, golden, samples: int | None, training: bool) -> Prediction:
    """Predict the clocks of the samples that ``golden`` kept traces of; those decide."""
    return predict(network, golden.traces, training=training)


class _List:
    """A scalar list in time: entries, when each was appended, when the list was complete."""

    def __init__(self, banks: int) -> None:
        self.banks = banks
        self.entries: list[int] = []
        self.times: list[int] = []
        self.complete = 0
        self.rewound = -10  # cycle of the last rewind

    def first(self) -> int:
        """Earliest cycle in which the list shows the first entry after a rewind."""
        return self.rewound + LIST_LATENCY + (self.banks > 1)

    def empty(self) -> int:
        """Earliest cycle in which the list shows its end after a rewind, if it is empty."""
        return self.rewound + 1 + (self.banks > 1)


class Schedule:
    """Walks the slots of sample after sample; times are cycles of the sequencer."""

    def __init__(self, network: Network, *, training: bool) -> None:
        self.network, self.program = network, Program(network)
        self.passes = self.program.passes if training else self.program.forward
        self.training = training
        self.skip = network.config.zero_skip
        self.unit = UnitLatencies(self.program)
        self.tree = PRODUCT_STAGE + tree_latency(self.program)
        alignment = Alignment(network, self.program)
        self.store_stages = {Element.FORWARD: lane_activation_stage(alignment),
                             Element.BACKWARD: lane_delta_stage(alignment)}
        self.kept = softmax_latency(network)
        group = network.samples_per_clock
        self.target_beats = -(-network.output.n_out // group) if training else 0
        self.beats = -(-network.n_inputs // group) + self.target_beats
        self.group = group
        self.lists = {name: _List(1) for name in self.program.lists}
        self.next = 0            # earliest cycle of the next pass
        self.shown = 0           # cycle from which the entry stage takes items of the next pass
        self.issue_latency = issue_latency(network)
        # cycles in which the last slots left the hazard stage.
        self.left = deque([0] * (self.issue_latency + 1), self.issue_latency + 1)
        self.written: dict[int, int] = {}  # row -> cycle its last update left the hazard stage
        self.writes: deque[int] = deque()  # cycles to come in which a single port writes
        self.drain_free = 0      # cycle from which a drained sum may leave the hazard stage
        self.stored = 0          # cycle from which all results so far are stored
        self.loaded = 0          # cycle in which the last beat of the last sample arrives
        self.freed = [-1, -1]    # cycles from which a bank may be refilled
        self.begin: int | None = None
        self.first: int | None = None  # of the present pass
        self.cursor = 0          # earliest cycle of the next slot
        self.end = 0
        self.n_samples = self.n_slots = self.n_useful = 0
        self.visible: int | None = None  # cycle from which results of the present pass are stored
        self.times: list[PassTime] = []
        self.loads: list[LoadTime] = []

    def run(self, trace) -> None:
        """Add one sample."""
        n = self.n_samples
        if n:
            start = max(self.loaded + 1, self.freed[n % 2])
            self.loaded = start + self.beats - 1
            self.loads.append(LoadTime(n, start, self.loaded))
        if "x" in self.lists:
            self._load_list(trace)
        self.next = max(self.next, self.loaded + 1)
        for number, p in enumerate(self.passes):
            slots_before, self.visible = self.n_slots, None
            first, last = self._pass(p, trace)
            self.times.append(PassTime(
                sample=n, number=number, layer=p.layer.index, element=p.element.name.lower(),
                first=first, last=last, slots=self.n_slots - slots_before, stored=self.visible))
        self.freed[n % 2] = last + 2 + (1 if "x" in self.lists else row_release(self.network))
        self.next = last + 2     # the bank changes in a clock between
        self.shown = last + 1 + ("x" == self.passes[0].source)
        self.end = max(self.end, last + 2)
        self.n_samples += 1

    def prediction(self) -> Prediction:
        """Return the totals of the samples run so far."""
        cycles = self.end - (self.begin or 0)
        lanes = self.network.lanes
        return Prediction(cycles=cycles, slots=self.n_slots, samples=self.n_samples,
                          useful=self.n_useful / max(lanes * cycles, 1), passes=tuple(self.times),
                          loads=tuple(self.loads))

    def _load_list(self, trace) -> None:
        x = self.lists["x"] = _List(self.group)
        live = np.flatnonzero(trace.x[0]) if self.skip else np.arange(self.network.n_inputs)
        x.entries = live[np.lexsort((live, live % self.group))].tolist()
        x.rewound = self.loaded - self.target_beats  # the targets come after the inputs
        x.complete = x.rewound + 1
        x.times = [x.rewound] * len(x.entries)

    def _items(self, p: Pass, trace):
        """Return the items of a pass and, per item, whether it has a backward and update slot."""
        if p.source is None:
            items = range(p.n_items)
        else:
            items = self.lists[p.source].entries
        if p.element is Element.FORWARD:
            return items, None
        if p.element is Element.UPDATE:
            return items, [(False, True)] * len(items)
        if p.layer.by_outputs and self.skip:
            slope, x = trace.slope[p.layer.index - 2], trace.x[p.layer.index - 1]
            return items, [(slope[i] != 0, x[i] != 0) for i in items]
        return items, [(True, True)] * len(items)

    def _pass(self, p: Pass, trace) -> tuple[int, int]:
        """Issue the slots of a pass; return its first and last cycle."""
        source = self.lists.get(p.source)
        items, kinds = self._items(p, trace)
        for name in p.clears:
            self.lists[name] = _List(1)
        self.cursor = self.next + 1  # that a pass may begin is known a cycle ahead
        if p.waits:
            self.cursor = max(self.cursor, self.stored)
        self.first = None
        for _ in range(p.n_clear):
            self._issue(None)
        walk = self._items_outer if p.items_outer else self._blocks_outer
        walk(p, source, items, kinds, trace)
        last = self.cursor - 1
        if source is not None:
            source.rewound = last + 1
        self.next = self.shown = last + 1
        self.end = max(self.end, self.left[-1] + 1 + WRITE_LATENCY, last + 1)
        return (last if self.first is None else self.first), last

    def _issue(self, row: int | None, *, update=False, shared=False, drained=0, lanes=0,
               earliest=0) -> int:
        """Issue a slot at the cursor or later; return the cycle in which it is at c0."""
        issue = max(self.cursor, earliest, self.left[0] + 1)  # slots wait between the two
        leaves = max(issue + self.issue_latency, self.left[-1] + 1)
        if row is not None and not shared:
            leaves = max(leaves, self.written.get(row, -100) + WRITE_LATENCY + 1)
        if drained:
            leaves = max(leaves, self.drain_free)
        if row is not None and not shared:
            leaves = self._port_free(leaves)
        if drained:
            self.drain_free = leaves + ARRAY_LATENCY + SUM_STAGE + 1 + drained
        if update:
            self.written[row] = leaves
            if self.network.single_port:
                self.writes.append(leaves + WRITE_LATENCY - ARRAY_LATENCY)
        self.left.append(leaves)
        self.cursor = issue + 1
        self.first = issue if self.first is None else self.first
        self.begin = issue if self.begin is None else self.begin
        self.n_slots += lanes > 0
        self.n_useful += lanes
        return leaves + ARRAY_LATENCY

    def _port_free(self, cycle: int) -> int:
        """Return the first cycle from ``cycle`` on in which a single port may read."""
        while self.writes and self.writes[0] <= cycle:
            cycle += self.writes.popleft() == cycle
        return cycle

    def _lanes(self, p: Pass, block: int) -> int:
        """Lanes of a block that stand for neurons."""
        layer = p.layer
        side = layer.n_out if layer.by_outputs else layer.n_in
        return min(layer.lanes, side - block * layer.lanes)

    def _available(self, source: _List | None, k: int) -> int:
        """Cycle from which item ``k`` can be issued, for a list that may still be filling."""
        if source is None:
            return self.shown + 1
        return max(self.shown, source.first(), source.times[k] + LIST_LATENCY) + 1

    def _exhausted(self, source: _List | None) -> int:
        """Cycle from which the end of the list shows."""
        return 0 if source is None else max(self.shown, source.empty(), source.complete) + 1

    def _blocks_outer(self, p: Pass, source, items, kinds, trace) -> None:
        """Spread and update passes: all items of a block, then its end slot."""
        layer = p.layer
        for block in range(layer.n_blocks):
            base = layer.row_base + block * layer.row_stride
            lanes = self._lanes(p, block)
            for k, item in enumerate(items):
                ready = self._available(source, k)
                if p.element is Element.FORWARD:
                    self._issue(base + item, lanes=lanes, earliest=ready)
                    continue
                backward, update = kinds[k]
                if backward:
                    self._issue(base + item, lanes=lanes, earliest=ready)
                if update:
                    self._issue(base + item, update=True, shared=backward, lanes=lanes,
                                earliest=ready)
            over = self._exhausted(source)
            if not p.n_end_slots:
                self.cursor = max(self.cursor, over) + 1  # the end of the list takes a clock
            else:
                self._end_slot(p, base, block, lanes, over, trace)
            if source is not None:
                source.rewound = self.cursor

    def _end_slot(self, p: Pass, base, block, lanes, over, trace) -> None:
        """The bias row or null slot of a block, and the results that it completes."""
        layer = p.layer
        last = block == layer.n_blocks - 1
        drained = 0
        if p.finish is Finish.DRAIN:
            owner = self._owner(p)
            drained = min(layer.lanes, owner.n_out - block * layer.lanes)
        if layer.by_outputs:
            update = p.element is Element.UPDATE
            at = self._issue(base + layer.n_in, update=update, drained=drained, lanes=lanes,
                             earliest=over)
        else:
            at = self._issue(None, drained=drained, earliest=over)
        if p.finish is Finish.LANES and last:
            self._store(at + self.store_stages[p.element] - 1)
        elif p.finish is Finish.DRAIN:
            first = at + SUM_STAGE + 1
            neurons = range(block * layer.lanes, block * layer.lanes + drained)
            self._unit(p, [(i, first + k) for k, i in enumerate(neurons)],
                       first + drained - 1 if last else None, trace)

    def _items_outer(self, p: Pass, source, items, kinds, trace) -> None:
        """Gather passes: all blocks of an item; after them the bias rows."""
        layer = p.layer
        sums, at = [], 0
        for k, item in enumerate(items):
            ready = self._available(source, k)
            for block in range(layer.n_blocks):
                row = layer.row_base + block * layer.row_stride + item
                lanes = self._lanes(p, block)
                backward, update = (True, False) if kinds is None else kinds[k]
                if backward:
                    at = self._issue(row, lanes=lanes, earliest=ready)
                    if block == layer.n_blocks - 1:
                        sums.append((item, at + self.tree))
                if update:
                    self._issue(row, update=True, shared=backward, lanes=lanes, earliest=ready)
        finish = at + self.tree
        for block in range(layer.n_blocks if p.n_end_slots else 0):
            row = layer.row_base + block * layer.row_stride + layer.n_in
            at = self._issue(row, update=True, lanes=self._lanes(p, block),
                             earliest=self._exhausted(source))
            if block == 0:
                finish = at + self.tree
        self._unit(p, sums, finish, trace)

    def _owner(self, p: Pass):
        """The layer whose neurons the results of a pass are for."""
        below = p.element is not Element.FORWARD
        return self.network.layers[p.layer.index - 1 - below]

    def _unit(self, p: Pass, sums, finish: int | None, trace) -> None:
        """Sums enter the neuron unit at given cycles; fill lists and note when all is stored."""
        owner = self._owner(p)
        forward = p.element is Element.FORWARD
        i = owner.index - 1
        if forward and owner.is_output and self.kept:  # softmax: codes follow the last sum
            if finish is None:
                return
            sums = [(n, finish + self.kept + n) for n in range(owner.n_out)]
            finish = sums[-1][1]
        if forward and f"a{owner.index}" in self.lists:
            a, slope = trace.x[i + 1], trace.slope[i]
            self._append(f"a{owner.index}", sums, finish, self.unit.activation,
                         lambda n: a[n] != 0 or slope[n] != 0)
        makes_delta = not forward or (owner.is_output and self.training)
        if makes_delta and f"d{owner.index}" in self.lists:
            delta = trace.delta[i]
            self._append(f"d{owner.index}", sums, finish, self.unit.delta,
                         lambda n: delta[n] != 0)
        if finish is not None:
            serves_delta = not forward or (owner.is_output and self.network.config.training)
            latency = self.unit.delta if serves_delta else self.unit.activation
            self._store(finish + latency - 1)

    def _append(self, name, sums, finish, latency, nonzero) -> None:
        target = self.lists[name]
        for neuron, time in sums:
            if not self.skip or nonzero(neuron):
                target.entries.append(neuron)
                target.times.append(time + latency)
        if finish is not None:
            target.complete = finish + latency + 1

    def _store(self, visible: int) -> None:
        """Results count as stored from cycle ``visible`` on."""
        self.visible = visible
        self.stored = max(self.stored, visible)
        self.end = max(self.end, visible)
