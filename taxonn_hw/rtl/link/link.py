"""The serial link: frames on a UART in, registers and streams of an accelerator out."""

from collections.abc import Mapping

from amaranth.hdl import Cat, Module, ResetInserter, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ...bus.packing import StreamUnits
from ...bus.protocol import MAX_WINDOW, PULL_STREAMS, PUSH_STREAMS, Command, encode_info
from ..control import csr_signature
from ..memory import add_memory
from ..skid import StreamRegister
from .executor import Executor
from .queue import BlockQueue
from .receiver import FrameReceiver
from .transmitter import FrameTransmitter
from .uart import UartReceiver, UartTransmitter
from .unpacker import Unpacker

__all__ = ["Link"]

_SLOT_BYTES = 256


class Link(wiring.Component):
    """What :mod:`taxonn_hw.bus.protocol` promises of the device.

    Two memories: ``slots`` frames of 256 bytes, and an answer; and a queue of results.

    Parameters
    ----------
    streams : Mapping
        Of the accelerator: name -> ``width`` of a beat and ``element_bits``, as in the sidecar.
    clock_hz, baud : int
        At least four clocks a bit.
    slots : int
        Pushes that can wait, a power of two up to 64.
    results : int
        Beats of ``o_results`` that can wait for a pull, a power of two; 0: only those in the
        accelerator.
    registered : bool
        For large devices with a short clock: weights that come from the accelerator, and bytes read
        from the frame memory, pass a register more.

    Members
    -------
    rx, tx : In(1), Out(1)
        The serial line, idle high.
    reset : Out(1)
        Resets the accelerator, from a register; the link itself is reset with its board only.
    frame, error : Out(1)
        A request came whole, or damaged: strobes.
    csr, i_samples, i_weights, o_results, o_weights
        The accelerator's, seen from the other side.
    """

    def __init__(self, *, streams: Mapping[str, Mapping], clock_hz: int, baud: int,
                 slots: int = 2, results: int = 512, registered: bool = False) -> None:
        self.clock_hz, self.baud, self.slots, self.results = clock_hz, baud, slots, results
        self.registered = registered
        if slots not in (2, 4, 8, 16, 32, 64):
            raise ValueError(f"slots must be a power of two, 2 to 64, not {slots}")
        assert slots <= MAX_WINDOW
        self.widths = {name: streams[name]["width"] for name in (*PUSH_STREAMS, *PULL_STREAMS)}
        self.units = [StreamUnits.of(name, streams[name]["width"], streams[name]["element_bits"])
                      for name in PUSH_STREAMS]
        self._queue = (BlockQueue(width=self.widths["o_results"], depth=results) if results
                       else None)
        self._parts = {
            "uart_in": UartReceiver(clock_hz=clock_hz, baud=baud),
            "uart_out": UartTransmitter(clock_hz=clock_hz, baud=baud),
            "receiver": FrameReceiver(),
            "unpacker": Unpacker(units=self.units, registered=registered),
            "executor": Executor(widths=[self.widths[name] for name in PULL_STREAMS],
                                 info=encode_info(slots=slots, clock_hz=clock_hz)),
            "transmitter": FrameTransmitter(),
        }
        super().__init__({
            "rx": In(1, init=1), "tx": Out(1, init=1),
            "reset": Out(1), "frame": Out(1), "error": Out(1), "csr": Out(csr_signature()),
            **{name: Out(stream.Signature(self.widths[name])) for name in PUSH_STREAMS},
            **{name: In(stream.Signature(self.widths[name])) for name in PULL_STREAMS},
        })

    def elaborate(self, platform):
        m = Module()
        uart_in, uart_out, receiver, unpacker, executor, transmitter = self._parts.values()
        clear = Signal()
        parts = {**self._parts, "unpacker": ResetInserter(clear)(unpacker)}
        for name, part in parts.items():
            m.submodules[name] = part
        session, control, done, following = Signal(8), Signal(8), Signal(8), Signal(8)
        slot = (self.slots - 1).bit_length()
        write, read = add_memory(m, "frames", shape=8, depth=self.slots * _SLOT_BYTES)
        answer_write, answer_read = add_memory(m, "answers", shape=8, depth=_SLOT_BYTES)
        wiring.connect(m, transmitter.o, uart_out.i)
        wiring.connect(m, executor.csr, wiring.flipped(self.csr))
        m.d.comb += [
            uart_in.rx.eq(self.rx), self.tx.eq(uart_out.tx), self.reset.eq(executor.reset),
            self.frame.eq(receiver.frame), self.error.eq(receiver.damaged),
            receiver.valid.eq(uart_in.valid), receiver.data.eq(uart_in.data),
            receiver.error.eq(uart_in.error), receiver.session.eq(session),
            receiver.control.eq(control), receiver.next.eq(following),
            receiver.room.eq((following - done)[:slot + 1] != self.slots),
            write.en.eq(receiver.w_en), write.data.eq(receiver.w_data),
            write.addr.eq(Cat(receiver.w_addr, following[:slot])),
            read.addr.eq(Cat(unpacker.r_addr, done[:slot])), unpacker.r_data.eq(read.data),
            unpacker.pending.eq(done != following),
            executor.command.eq(receiver.command), executor.argument.eq(receiver.argument),
            executor.value.eq(receiver.value),
            answer_write.en.eq(executor.w_en), answer_write.addr.eq(executor.w_addr),
            answer_write.data.eq(executor.w_data), answer_read.addr.eq(transmitter.r_addr),
            transmitter.r_data.eq(answer_read.data), transmitter.end.eq(executor.end),
            transmitter.session.eq(session), transmitter.control.eq(control),
            transmitter.done.eq(done), transmitter.next.eq(following),
        ]
        for k, name in enumerate(PUSH_STREAMS):
            wiring.connect(m, getattr(unpacker, f"o_{k}"), wiring.flipped(getattr(self, name)))
        self._pulls(m, executor, transmitter)
        self._requests(m, receiver, unpacker, executor, transmitter, clear, session, control,
                       done, following)
        return m

    def _pulls(self, m, executor, transmitter) -> None:
        """Streams from the accelerator, results through their queue."""
        if self.registered:
            m.submodules.weights = weights = StreamRegister(shape=self.widths["o_weights"])
            wiring.connect(m, wiring.flipped(self.o_weights), weights.i)
            wiring.connect(m, weights.o, executor.i_1)
            m.d.comb += weights.clear.eq(executor.reset)
        else:
            wiring.connect(m, wiring.flipped(self.o_weights), executor.i_1)
        if self.results:
            m.submodules.results = queue = self._queue
            wiring.connect(m, wiring.flipped(self.o_results), queue.i)
            wiring.connect(m, queue.o, executor.i_0)
        else:
            wiring.connect(m, wiring.flipped(self.o_results), executor.i_0)
        m.d.comb += [transmitter.results.eq(executor.i_0.valid),
                     transmitter.weights.eq(executor.i_1.valid)]

    def _requests(self, m, receiver, unpacker, executor, transmitter, clear, session, control,
                  done, following) -> None:
        """What a whole request does; the rules of the protocol, in their order."""
        rejected = Signal()  # a gap was answered, and the push that closes it has not come
        answer = Signal()
        m.d.comb += transmitter.answer.eq(executor.answered | answer)
        with m.If(unpacker.finished):
            m.d.sync += done.eq(done + 1)
            m.d.comb += transmitter.respond.eq(1)
        with m.If(receiver.frame):
            with m.If(receiver.command == Command.HELLO):
                m.d.comb += [transmitter.respond.eq(1), clear.eq(~receiver.in_session)]
                with m.If(~receiver.in_session):
                    m.d.sync += [session.eq(receiver.requested_session), control.eq(0),
                                 done.eq(0), following.eq(0), rejected.eq(0)]
            with m.Elif(~receiver.in_session | (receiver.command == Command.POLL)):
                m.d.comb += transmitter.respond.eq(1)
            with m.Elif(receiver.command == Command.PUSH):
                with m.If(receiver.same & receiver.stored):
                    m.d.sync += [following.eq(following + 1), rejected.eq(0)]
                with m.Elif(receiver.behind):
                    m.d.comb += transmitter.respond.eq(1)
                with m.Elif(~rejected):
                    m.d.comb += [transmitter.respond.eq(1), transmitter.gap.eq(1)]
                    m.d.sync += rejected.eq(1)
            with m.Elif(receiver.following):
                m.d.comb += executor.execute.eq(1)
                m.d.sync += control.eq(control + 1)
            with m.Elif(receiver.same):
                m.d.comb += answer.eq(1)
            with m.Else():
                m.d.comb += transmitter.respond.eq(1)
