"""Pushes under way: what may be sent, what must be sent again, and how long to wait.

Pure bookkeeping of :mod:`taxonn_hw.bus.protocol`'s first sequence, without a line.  Pushes are
counted from 0; the line carries the lowest eight bits.
"""

from collections import deque

from ..bus.protocol import MAX_WINDOW

__all__ = ["PushWindow", "RoundTrip"]

_GROW_AFTER, _GROW_AFTER_MOST = 4, 1024  # pushes without a gap until one more is sent ahead


class RoundTrip:
    """How long to wait for a response: four mean deviations over the mean round trip.

    Parameters
    ----------
    most_s : float
        Never wait longer.
    """

    first_s, least_s = 0.25, 0.002

    def __init__(self, most_s: float) -> None:
        self.most_s, self.wait_s = most_s, min(self.first_s, most_s)
        self._mean: float | None = None
        self._deviation = 0.0

    def saw(self, seconds: float) -> None:
        """Take a round trip into account."""
        if self._mean is None:
            self._mean, self._deviation = seconds, seconds / 2
        self._deviation += (abs(seconds - self._mean) - self._deviation) / 4
        self._mean += (seconds - self._mean) / 8
        self.wait_s = min(max(self._mean + 4 * self._deviation, self.least_s), self.most_s)

    def expired(self) -> None:
        """Wait twice as long until the next round trip is known."""
        self.wait_s = min(2 * self.wait_s, self.most_s)


class PushWindow:
    """The pushes of a session: ``done <= stored <= sent``.

    Parameters
    ----------
    slots : int
        Pushes that the device can hold; so many are always sent ahead.
    most : int
        Sent ahead at most, where the device keeps up.
    trip : RoundTrip
        Learns from pushes that were sent once.

    Members
    -------
    done, stored, sent : int
        Pushes that the device has done; those that it has, or had, in its slots; and the first
        that is to be sent next.
    size : int
        Pushes that are sent ahead of ``done`` at present.  It grows while the device misses none,
        and falls to ``slots`` when it had no room for one.
    """

    def __init__(self, *, slots: int, most: int, trip: RoundTrip) -> None:
        self.done = self.stored = self.sent = 0
        self.most = min(most, MAX_WINDOW)
        self.slots = self.size = min(slots, self.most)
        self._trip = trip
        self._payloads: deque[bytes] = deque()  # from `stored` on
        self._sent_most = 0
        self._timed: tuple[int, float] | None = None
        self._since_gap, self._grow_after = 0, _GROW_AFTER

    def queue(self, payload: bytes) -> None:
        """Append a push."""
        self._payloads.append(payload)

    @property
    def unsent(self) -> int:
        """Pushes that are to be sent, or sent again."""
        return self.stored + len(self._payloads) - self.sent

    @property
    def unfinished(self) -> int:
        """Pushes that the device has not done."""
        return self.stored + len(self._payloads) - self.done

    @property
    def awaits(self) -> bool:
        """Whether the device has something to do, or to miss."""
        return self.done < self.sent

    @property
    def open(self) -> bool:
        """Whether a push may be sent."""
        return bool(self.unsent) and self.sent - self.done < self.size

    def take(self, leaves_s: float) -> tuple[int, bytes, bool]:
        """Return (number, payload, whether again) of the push to send at time ``leaves_s``."""
        number, payload = self.sent, self._payloads[self.sent - self.stored]
        again = number < self._sent_most
        if again:
            self._timed = None  # a response could be to either
        elif self._timed is None:
            self._timed = (number, leaves_s)
        self.sent += 1
        self._sent_most = max(self._sent_most, self.sent)
        return number, payload, again

    def saw(self, following: int, done: int, gap: bool, now_s: float) -> tuple[bool, bool]:
        """Learn from a response with bytes ``next`` and ``done``, and the flag GAP.

        Returns whether there was progress, and whether pushes must be sent again.
        """
        stored = self.stored + ((following - self.stored) & 0xFF)
        done = self.done + ((done - self.done) & 0xFF)
        if not done <= stored <= self._sent_most:
            return False, False  # an old response
        progress = stored > self.stored or done > self.done
        for _ in range(stored - self.stored):
            self._payloads.popleft()
        self._since_gap += done - self.done
        self.stored, self.done, self.sent = stored, done, max(self.sent, stored)
        if self._timed is not None and self._timed[0] < stored:
            self._trip.saw(now_s - self._timed[1])
            self._timed = None
        missed = gap and stored < self.sent
        if missed:
            if stored - done >= self.slots:  # not the line's fault: there was no room
                self.size = self.slots
                self._grow_after = min(2 * self._grow_after, _GROW_AFTER_MOST)
            self.go_back()
        elif self._since_gap >= self._grow_after:
            self._since_gap, self.size = 0, min(self.size + 1, self.most)
        return progress, missed

    def go_back(self) -> bool:
        """Send again what is not stored; return whether there is such a push."""
        self._timed, self._since_gap = None, 0
        missing = self.stored < self.sent
        self.sent = self.stored
        return missing
