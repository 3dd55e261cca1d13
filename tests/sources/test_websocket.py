"""An agent with streaming speech: a real WebSocket client on loopback."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import numpy as np
import pytest

pytest.importorskip("websockets", reason="needs the package websockets (pip install pmmlink[live])")
from websockets.sync.client import connect

from pmmlink.errors import ConfigError
from pmmlink.sources.websocket import WebSocketSource


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


def test_an_interrupt_drops_what_is_queued(source: WebSocketSource) -> None:
    with connect(source.name) as agent:
        agent.send(b"\0" * 32_000)
        until(lambda: source.intake.waiting == 16_000)
        agent.send('{"event": "interrupt"}')
        agent.send(b"\1\0" * 100)
        until(lambda: source.intake.waiting == 16_100)
    assert source.intake.take_interrupt() == 16_000
    assert source.intake.waiting == 100


@pytest.mark.parametrize("message", ["what", "[]", '{"event": "dance"}', "7"])
def test_a_message_that_means_nothing_is_answered_and_the_connection_stays(
    source: WebSocketSource, message: str
) -> None:
    with connect(source.name) as agent:
        agent.send(message)
        assert json.loads(agent.recv(20))["event"] == "error"
        agent.send(b"\0\0")
        until(lambda: source.intake.waiting == 1)


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
