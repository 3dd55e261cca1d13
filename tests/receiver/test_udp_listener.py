"""The socket thread on loopback."""

from __future__ import annotations

import socket
import time

import pytest

from pmmlink.errors import TargetError
from pmmlink.receiver import UdpListener
from pmmlink.receiver.udp import QUEUE
from pmmlink.wire.target import Target


def free_target(host: str = "127.0.0.1") -> Target:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return Target("osc", host, probe.getsockname()[1], {})


def test_datagrams_come_with_their_sender_and_time() -> None:
    target = free_target()
    with UdpListener(target) as listener, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        before = time.perf_counter()
        sender.sendto(b"hello", ("127.0.0.1", target.port))
        datagram = listener.receive(2.0)
        assert datagram is not None
        assert datagram.data == b"hello"
        assert datagram.sender == f"127.0.0.1:{sender.getsockname()[1]}"
        assert before <= datagram.arrival_s <= time.perf_counter()
        assert listener.receive(0.01) is None


def test_a_port_in_use_is_refused_with_what_to_do() -> None:
    target = free_target()
    with (
        UdpListener(target),
        pytest.raises(TargetError, match=f"port {target.port} .* in use .*:{target.port + 1}$"),
    ):
        UdpListener(target)


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(TargetError, match=r"--bind 0\.0\.0\.0"):
        UdpListener(free_target("192.0.2.1"))


def test_a_name_that_cannot_be_found_is_refused() -> None:
    with pytest.raises(TargetError, match="cannot listen there"):
        UdpListener(free_target("no-such-host.invalid"))


def test_the_port_is_free_again_after_close_and_closing_twice_is_harmless() -> None:
    target = free_target()
    listener = UdpListener(target)
    listener.close()
    listener.close()
    with UdpListener(target):
        pass


def test_what_nobody_takes_off_the_queue_is_dropped_and_counted() -> None:
    target = free_target()
    with UdpListener(target) as listener, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        deadline = time.monotonic() + 10
        while listener.overflow == 0 and time.monotonic() < deadline:
            for _ in range(200):
                sender.sendto(b"x", ("127.0.0.1", target.port))
            time.sleep(0.001)
        assert listener.overflow > 0
        assert len(listener.waiting()) >= QUEUE - 1


def test_an_empty_datagram_is_one_too() -> None:
    target = free_target()
    with UdpListener(target) as listener, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"", ("127.0.0.1", target.port))
        empty = listener.receive(2.0)
        assert empty is not None
        assert empty.data == b""
        sender.sendto(b"still there", ("127.0.0.1", target.port))
        after = listener.receive(2.0)
        assert after is not None
        assert after.data == b"still there"
