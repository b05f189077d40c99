"""Pipes over pseudo-terminals, sockets and pyserial."""

import os
import socket
import threading

import pytest

from taxonn_hw.host.serial_pipe import FilePipe, PipeClosed, SerialPipe


def test_a_socket_pair_both_ways():
    a, b = socket.socketpair()
    one, two = FilePipe(a.detach(), "one"), FilePipe(b.detach(), "two")
    one.write(b"hello")
    assert two.read(1.0) == b"hello"
    assert two.read(0.0) == b"" and two.read(0.01) == b""
    two.write(b"you")
    assert one.read(1.0) == b"you"
    two.close()
    with pytest.raises(PipeClosed, match="end of file"):
        one.read(1.0)
    with pytest.raises(PipeClosed):
        one.write(b"x")
    with pytest.raises(PipeClosed):
        two.read(0.1)
    one.close()


def test_more_than_the_other_end_holds():
    a, b = socket.socketpair()
    one, two = FilePipe(a.detach(), "one"), FilePipe(b.detach(), "two")
    data, got = os.urandom(2_000_000), bytearray()

    def read():
        while len(got) < len(data):
            got.extend(two.read(1.0))

    reader = threading.Thread(target=read)
    reader.start()
    one.write(data)
    reader.join(10)
    assert bytes(got) == data
    one.close()
    two.close()


def test_pyserial_on_a_pseudo_terminal():
    master, slave = os.openpty()
    far, near = FilePipe(master, "far"), SerialPipe(os.ttyname(slave), 1_000_000)
    near.write(bytes(range(256)))
    got = b""
    while len(got) < 256:
        got += far.read(1.0)
    assert got == bytes(range(256))  # raw: no byte has a meaning of its own
    far.write(bytes(range(255, -1, -1)))
    got = b""
    while len(got) < 256:
        got += near.read(1.0)
    assert got == bytes(range(255, -1, -1))
    assert near.read(0.01) == b"" and near.name == os.ttyname(slave)
    os.close(slave)
    far.close()
    with pytest.raises(PipeClosed):
        for _ in range(3):
            near.read(0.1)
            near.write(b"x")
    near.close()
    with pytest.raises(PipeClosed):
        near.read(0.1)


def test_a_port_that_is_not_there():
    with pytest.raises(PipeClosed, match="No such file"):
        SerialPipe("/dev/ttyNONE9", 115200)
