"""An agent with streaming speech: a real WebSocket client on loopback."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator

import numpy as np
import pytest

pytest.importorskip("websockets", reason="needs the package websockets (pip install pmmlink[live])")
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from pmmlink.errors import ConfigError
from pmmlink.sources.websocket import HOST, WebSocketSource


@pytest.fixture
def source() -> Iterator[WebSocketSource]:
    source = WebSocketSource(0, 16_000)
    source.start()
    yield source
    source.stop()


def until(condition: object) -> None:
    deadline = time.monotonic() + 20
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_pcm_messages_of_any_length_arrive_in_order(source: WebSocketSource) -> None:
    sound = np.arange(-1000, 1000).astype("<i2")
    data = sound.tobytes()
    with connect(source.name) as agent:
        for start, end in ((0, 7), (7, 1000), (1000, 1000), (1000, len(data))):
            agent.send(data[start:end])
        agent.send(json.dumps({"event": "flush"}))
        until(lambda: source.intake.waiting == 2000)
    got = np.concatenate([a.samples for a in iter(lambda: source.intake.take(10_000), None)])
    np.testing.assert_allclose(got * 32768, sound)
    until(lambda: source.intake.flushed)


def test_of_pages_in_a_browser_only_this_machines_own_may_connect(source: WebSocketSource) -> None:
    for origin in ("https://example.com", "http://localhost.example.com", "null"):
        with pytest.raises(InvalidStatus, match="403"):
            connect(source.name, origin=origin)
    for origin in ("http://localhost:3000", "http://127.0.0.1"):
        connect(source.name, origin=origin).close()


def test_an_interrupt_drops_what_is_queued(source: WebSocketSource) -> None:
    with connect(source.name) as agent:
        agent.send(b"\0" * 32_000)
        until(lambda: source.intake.waiting == 16_000)
        agent.send('{"event": "interrupt"}')
        agent.send(b"\1\0" * 100)
        until(lambda: source.intake.waiting == 16_100)
    assert source.intake.take_interrupt() == 16_000
    assert source.intake.waiting == 100


@pytest.mark.parametrize("message", ["what", "[]", '{"event": "dance"}', "7", "[" * 100_000])
def test_a_message_that_means_nothing_is_answered_and_the_connection_stays(
    source: WebSocketSource, message: str
) -> None:
    with connect(source.name) as agent:
        agent.send(message)
        assert json.loads(agent.recv(20))["event"] == "error"
        agent.send(b"\0\0")
        until(lambda: source.intake.waiting == 1)


@pytest.mark.parametrize("event", ["flush", "interrupt"])
def test_half_a_sample_before_an_event_does_not_put_what_follows_out_of_step(
    source: WebSocketSource, event: str
) -> None:
    with connect(source.name) as agent:
        agent.send(b"\1")
        agent.send(json.dumps({"event": event}))
        agent.send(np.array([256, 512], "<i2").tobytes())
        until(lambda: source.intake.waiting == 2)
    arrival = source.intake.take(10)
    assert arrival is not None
    np.testing.assert_allclose(arrival.samples * 32768, [256, 512])


@pytest.mark.parametrize("said", [b"GET / HTTP/1.1\r\nHost: here\r\n\r\n", b"\x16\x03\x01\r\n\r\n", b""])
def test_what_speaks_no_websocket_is_one_line_and_no_traceback(
    said: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    events: list[str] = []
    source = WebSocketSource(0, 16_000, on_event=events.append)
    source.start()
    with socket.create_connection((HOST, source.port)) as stranger:
        stranger.sendall(said)
        stranger.shutdown(socket.SHUT_WR)
        until(lambda: events)
    source.stop()
    assert len(events) == 1
    assert events[0].startswith(f"{source.name}: opening handshake failed (")
    assert "\n" not in events[0]
    assert capfd.readouterr().err == ""


def test_a_taken_port_is_refused_in_one_line(source: WebSocketSource) -> None:
    with pytest.raises(
        ConfigError, match=rf"--ws {source.port}: cannot listen there \([^()]*\); choose another port"
    ):
        WebSocketSource(source.port, 16_000).start()


def test_an_interrupt_is_obeyed_at_once_by_an_agent_that_is_minutes_ahead(source: WebSocketSource) -> None:
    with connect(source.name) as agent:
        for _ in range(4):
            agent.send(b"\1\0" * 16_000 * 30)
        until(lambda: source.intake.waiting > 55 * 16_000)
        sent_s = time.monotonic()
        agent.send('{"event": "interrupt"}')
        agent.send(b"\1\0" * 100)
        dropped: list[int] = []

        def taken() -> bool:
            count = source.intake.take_interrupt()
            if count is not None:
                dropped.append(count)
            return bool(dropped)

        until(taken)
        assert time.monotonic() - sent_s < 5.0
        assert dropped[0] > 55 * 16_000
        # Neither the rest of the minutes before nor anything but the new sentence follows.
        until(lambda: source.intake.waiting >= 100)
        time.sleep(0.1)
        assert source.intake.waiting == 100
