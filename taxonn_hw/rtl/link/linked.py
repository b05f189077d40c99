"""An accelerator with its serial link: what a board adds clock, reset and pins to."""

from amaranth.hdl import Module, ResetInserter
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...bus.protocol import PULL_STREAMS, PUSH_STREAMS
from .link import Link

__all__ = ["LinkedCore"]


class LinkedCore(wiring.Component):
    """The two, connected; the link can reset the accelerator.

    Parameters
    ----------
    core : Component
        The accelerator.
    link : Link
        Made for its streams.

    Members
    -------
    rx, tx : In(1), Out(1)
        The serial line.
    """

    rx: In(1, init=1)
    tx: Out(1, init=1)

    def __init__(self, *, core, link: Link) -> None:
        self.core, self.link = core, link
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        m.submodules.link = link = self.link
        m.submodules.core = ResetInserter(link.reset)(self.core)
        for name in ("csr", *PUSH_STREAMS, *PULL_STREAMS):
            wiring.connect(m, getattr(link, name), getattr(self.core, name))
        m.d.comb += [link.rx.eq(self.rx), self.tx.eq(link.tx)]
        return m
