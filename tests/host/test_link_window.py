"""Bookkeeping of pushes: numbers that wrap, old responses, windows that grow and shrink."""

import pytest

from taxonn_hw.host.link_window import PushWindow, RoundTrip


def make(n=10, *, slots=2, most=127):
    window = PushWindow(slots=slots, most=most, trip=RoundTrip(1.0))
    for k in range(n):
        window.queue(b"%d" % k)
    return window


def take(window, n, now=0.0):
    return [window.take(now)[:2] for _ in range(n)]


def test_numbers_wrap():
    """The device's counters are bytes; 700 pushes go through them."""
    window = make(700, slots=3)
    for k in range(0, 699, 3):
        assert window.open and take(window, 3) == [(k + j, b"%d" % (k + j)) for j in range(3)]
        assert window.saw(k + 3 & 0xFF, k + 2 & 0xFF, False, 0.0) == (True, False)
        assert window.saw(k + 3 & 0xFF, k + 3 & 0xFF, False, 0.0) == (True, False)
        assert (window.done, window.stored, window.unfinished) == (k + 3, k + 3, 700 - k - 3)


def test_no_more_than_the_window():
    window = make(slots=2)
    take(window, 2)
    assert not window.open and window.awaits and window.unsent == 8
    window.saw(1, 1, False, 0.0)
    assert window.open


@pytest.mark.parametrize(("following", "done"), [(1, 1), (2, 0), (5, 5), (3, 4), (200, 2)])
def test_old_and_impossible_responses(following, done):
    """Three were sent, two are done: what says less, or more than was sent, counts for nothing."""
    window = make(slots=3)
    take(window, 3)
    window.saw(2, 2, False, 0.0)
    assert window.saw(following, done, True, 0.0) == (False, False)
    assert (window.done, window.stored, window.sent) == (2, 2, 3)


def test_a_gap():
    window = make(slots=4)
    take(window, 4)
    assert window.saw(1, 1, True, 0.0) == (True, True)
    assert [window.take(0.0) for _ in range(2)] == [(1, b"1", True), (2, b"2", True)]
    assert window.size == 4
    window.saw(3, 1, True, 0.0)  # all that was sent has come: nothing to go back for
    assert window.sent == 3


def test_a_gap_for_want_of_slots_shrinks_the_window():
    window = make(100, slots=2)
    for k in range(24):
        take(window, 1)
        window.saw(k + 1, k + 1, False, 0.0)
    grown = window.size
    assert grown == 2 + 24 // 4
    take(window, grown)
    assert window.saw(26, 24, True, 0.0) == (True, True)  # two lie in the slots: it was full
    assert window.size == 2 and not window.open
    assert window.unsent == 100 - 26
    for k in range(26, 40):  # and it grows half as fast from here on
        window.saw(k, k, False, 0.0)
        take(window, 1)
    assert window.size < 2 + 14 // 4


def test_the_window_has_a_bound():
    window = make(500, slots=2, most=5)
    for k in range(400):
        take(window, 1)
        window.saw(k + 1 & 0xFF, k + 1 & 0xFF, False, 0.0)
    assert window.size == 5
    assert PushWindow(slots=200, most=500, trip=RoundTrip(1.0)).size == 127


def test_round_trips_are_learnt_from_pushes_that_left_once():
    trip = RoundTrip(10.0)
    window = PushWindow(slots=2, most=2, trip=trip)
    for _ in range(3):
        window.queue(b"")
    window.take(1.0)
    window.saw(1, 1, False, 1.5)
    assert trip.wait_s == pytest.approx(0.5 + 4 * 0.1875)
    before = trip.wait_s
    window.take(2.0)
    assert window.go_back()
    window.take(3.0)
    window.saw(2, 2, False, 9.0)  # to which of the two?
    assert trip.wait_s == before
    window.take(10.0)
    window.saw(3, 3, False, 10.5)
    assert trip.wait_s != before and not window.go_back()


def test_waits_have_bounds():
    trip = RoundTrip(1.0)
    assert trip.wait_s == 0.25
    for _ in range(5):
        trip.expired()
    assert trip.wait_s == 1.0
    for _ in range(40):
        trip.saw(0.0)
    assert trip.wait_s == RoundTrip.least_s
