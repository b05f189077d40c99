"""Compiled links: a core behind the serial pins, ready to talk to."""

from amaranth.lib import wiring

from taxonn_hw.bus.protocol import Deframer, Request, Response
from taxonn_hw.host.serial_model import SerialModel
from taxonn_hw.rtl.link import Link
from taxonn_hw.rtl.link.linked import LinkedCore
from taxonn_hw.verilog import convert
from tests.dummy import Dummy

__all__ = ["Talk", "dummy_streams", "open_core", "open_dummy"]

PINS = {"clk": "clk", "rst": "rst", "rx": "rx", "tx": "tx"}


def open_core(folder, core: wiring.Component, streams, *, clock_hz=12_000_000, baud=3_000_000,
              opt="-O1", **options) -> SerialModel:
    """Return the compiled model of ``core`` with a link; ``options`` are those of the link."""
    link = Link(streams=streams, clock_hz=clock_hz, baud=baud, **options)
    path = folder / "linked.v"
    path.write_text(convert(LinkedCore(core=core, link=link), top="linked", banner="test").text)
    return SerialModel(path, top="linked", pins=PINS, clock_hz=clock_hz, baud=baud, opt=opt)


def dummy_streams(sample_bits=32, weight_bits=72):
    """Return the stream table of a :class:`tests.dummy.Dummy`."""
    samples = {"width": sample_bits, "element_bits": 8}
    weights = {"width": weight_bits, "element_bits": 12}
    return {"i_samples": samples, "o_results": {"width": 32, "element_bits": 32},
            "i_weights": weights, "o_weights": weights}


def open_dummy(folder, *, sample_bits=32, weight_bits=72, **options) -> SerialModel:
    """Return a link with a :class:`tests.dummy.Dummy` behind it."""
    return open_core(folder, Dummy(sample_bits=sample_bits, weight_bits=weight_bits),
                     dummy_streams(sample_bits, weight_bits), **options)


class Talk:
    """Sends requests and returns the responses, one conversation after the other."""

    def __init__(self, model: SerialModel, session: int = 5) -> None:
        self.model, self.session, self.control = model, session, 0
        self._deframer = Deframer()

    def say(self, *items) -> list[Response]:
        """Send requests, bytes or symbols; return all responses that follow."""
        for item in items:
            self.model.send(item.encode() if isinstance(item, Request) else item)
        bodies = self._deframer.feed(self.model.drain())
        return [Response.decode(body) for body in bodies]

    def ask(self, command, argument=0, value=0, *, sequence=None, session=None) -> Response:
        """Send a control request; return the one response."""
        if sequence is None:
            self.control = sequence = (self.control + 1) & 0xFF
        response, = self.say(Request.control(
            self.session if session is None else session, command, sequence, argument, value))
        return response

    def request(self, command, sequence=0, payload=b"", session=None) -> Request:
        """Return a request of this session."""
        return Request(session=self.session if session is None else session, command=command,
                       sequence=sequence, payload=payload)
