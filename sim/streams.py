"""Drivers and monitors of streams, all moved on by one clock loop.

A beat passes at a rising edge where ``valid`` and ``ready`` are both high.  Signals are driven
just after the falling edge and looked at when they have settled, still before the rising edge: so
what is seen is what the hardware sees, on every simulator.
"""

import random

from cocotb.triggers import FallingEdge, ReadOnly

__all__ = ["Driver", "Monitor", "Streams"]


def _word_of(beat) -> int:
    return sum(int(word) << 32 * k for k, word in enumerate(beat))


class Driver:
    """Offers beats on an input stream; a beat once offered stays until it is taken."""

    def __init__(self, dut, name: str, stall: float, rng: random.Random) -> None:
        self.name, self._stall, self._rng = name, stall, rng
        self._valid, self._ready = getattr(dut, f"{name}__valid"), getattr(dut, f"{name}__ready")
        self._payload = getattr(dut, f"{name}__payload")
        self._beats, self._next, self._offered = [], 0, False
        self._valid.value = 0
        self._payload.value = 0

    def queue(self, beats) -> None:
        """Offer ``beats``, uint32 [n, words], from now on."""
        self._beats, self._next = [_word_of(beat) for beat in beats], 0

    def cancel(self) -> None:
        """Forget what is left."""
        self._beats, self._next, self._offered = [], 0, False
        self._valid.value = 0

    @property
    def left(self) -> int:
        """Beats that have not passed."""
        return len(self._beats) - self._next

    def drive(self) -> None:
        offer = self._offered or (self.left > 0 and self._rng.random() >= self._stall)
        if offer and not self._offered:
            self._payload.value = self._beats[self._next]
            self._valid.value = 1
        elif not offer:
            self._valid.value = 0
        self._offered = offer

    def sample(self) -> None:
        if self._offered and int(self._ready.value):
            self._next += 1
            self._offered = False


class Monitor:
    """Accepts beats of an output stream and keeps them; checks that a waiting beat holds still."""

    def __init__(self, dut, name: str, stall: float, rng: random.Random) -> None:
        self.name, self._stall, self._rng = name, stall, rng
        self._valid, self._ready = getattr(dut, f"{name}__valid"), getattr(dut, f"{name}__ready")
        self._payload = getattr(dut, f"{name}__payload")
        self._wanted, self._open, self._waiting = 0, False, None
        self.beats: list[int] = []
        self._ready.value = 0

    def want(self, n: int) -> None:
        """Accept ``n`` beats from now on."""
        self.beats, self._wanted = [], n

    def cancel(self) -> None:
        """Accept no more, and forget what came."""
        self.beats, self._wanted, self._waiting = [], 0, None
        self._ready.value = 0

    @property
    def left(self) -> int:
        """Beats that have not come."""
        return self._wanted - len(self.beats)

    def drive(self) -> None:
        self._open = self.left > 0 and self._rng.random() >= self._stall
        self._ready.value = int(self._open)

    def sample(self) -> None:
        if not int(self._valid.value):
            assert self._waiting is None, f"{self.name}: valid fell before the beat was taken"
            return
        if not self._open and self._waiting is None and not self.left:
            return  # nobody looks
        payload = int(self._payload.value)
        assert self._waiting in (None, payload), f"{self.name}: a waiting beat changed"
        if self._open:
            self.beats.append(payload)
        self._waiting = None if self._open else payload


class Streams:
    """All streams of a design and the loop that moves them."""

    def __init__(self, dut, inputs, outputs, *, stall_in: float, stall_out: float,
                 seed: int) -> None:
        rng = random.Random(seed)
        self._clk = dut.clk
        self.inputs = {name: Driver(dut, name, stall_in, rng) for name in inputs}
        self.outputs = {name: Monitor(dut, name, stall_out, rng) for name in outputs}
        self._all = [*self.inputs.values(), *self.outputs.values()]

    async def run(self, feed: dict, drain: dict, max_cycles: int, stop_after: int = 0) -> dict:
        """Feed and drain until all beats have passed; return the beats of each drained stream.

        With ``stop_after`` the run is abandoned after so many clocks and returns None.
        """
        for name, beats in feed.items():
            self.inputs[name].queue(beats)
        for name, n in drain.items():
            self.outputs[name].want(n)
        active = [self.inputs[name] for name in feed] + [self.outputs[name] for name in drain]
        for cycle in range(max_cycles):
            await FallingEdge(self._clk)
            if stop_after and cycle == stop_after:
                for stream in self._all:
                    stream.cancel()
                return None
            for stream in active:
                stream.drive()
            if not any(stream.left for stream in active):
                return {name: self.outputs[name].beats for name in drain}
            await ReadOnly()
            for stream in active:
                stream.sample()
        waiting = ", ".join(f"{stream.name}: {stream.left} beats left" for stream in active)
        raise AssertionError(f"no end after {max_cycles} clocks ({waiting})")
