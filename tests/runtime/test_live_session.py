"""``pmmlink.Session``: speech pushed by a program, frames received over real sockets."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from runtime.live_rig import voice

import pmmlink
from pmmlink.curves import LIVELINK_61
from pmmlink.errors import AudioError, RuntimeFault
from pmmlink.testing import LoudnessAnimator
from pmmlink.wire.osc import Bye, Frame, decode

JAW = LIVELINK_61.index("jawOpen")


class Listener(threading.Thread):
    """Collects OSC messages until a ``bye``, or until nobody asks for them any more."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.1)
        self.url = f"osc://127.0.0.1:{self._socket.getsockname()[1]}"
        self.frames: list[Frame] = []
        self.bye = self.unwanted = False
        self.start()

    def run(self) -> None:
        while not (self.bye or self.unwanted):
            try:
                message = decode(self._socket.recv(65536))
            except TimeoutError:
                continue
            if isinstance(message, Frame):
                self.frames.append(message)
            self.bye = isinstance(message, Bye)
        self._socket.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.unwanted = True
    listener.join(20)


def session(listener: Listener, **options: object) -> pmmlink.Session:
    return pmmlink.Session([listener.url], animator=LoudnessAnimator(), **options)  # type: ignore[arg-type]


def test_pushed_speech_moves_the_mouth_and_ends_closed(listener: Listener) -> None:
    with session(listener, rate_hz=24_000) as speech:
        speech.push(voice(0.5, 24_000))
        speech.push((voice(0.3, 24_000) * 32767).astype(np.int16))
        speech.push((voice(0.2, 24_000) * 32767).astype("<i2").tobytes())
        speech.flush()
        assert speech.wait(20)
        assert speech.live.frames >= 30
    listener.join(20)
    jaw = np.array([frame.values[JAW] for frame in listener.frames])
    assert jaw[8:26].min() > 0.2
    assert jaw[-1] == 0.0
    assert [frame.time_us for frame in listener.frames[:4]] == [0, 33_333, 66_667, 100_000]


def test_an_interrupt_silences_a_long_speech(listener: Listener) -> None:
    with session(listener) as speech:
        speech.push(voice(30.0))
        time.sleep(0.5)
        speech.interrupt()
        assert speech.wait(20)
    listener.join(20)
    assert 5 < len(listener.frames) < 400
    assert listener.frames[-1].values[JAW] == 0.0


def test_leaving_early_lets_what_was_pushed_be_heard_out(listener: Listener) -> None:
    with session(listener) as speech:
        speech.push(voice(0.6))
    listener.join(20)
    assert len(listener.frames) >= 18


@pytest.mark.parametrize(
    ("pcm", "reason"),
    [
        (np.zeros((10, 2), np.float32), "mono"),
        (np.zeros(10, np.int64), "type int64"),
        (np.array([np.nan], np.float32), "NaN"),
        (b"abc", "whole 16-bit samples"),
    ],
)
def test_sound_that_cannot_be_is_refused_with_the_reason(
    listener: Listener, pcm: object, reason: str
) -> None:
    with session(listener) as speech, pytest.raises(AudioError, match=reason):
        speech.push(pcm)  # type: ignore[arg-type]


def test_a_session_that_is_not_open_and_a_rate_that_cannot_be_are_refused() -> None:
    with pytest.raises(RuntimeFault, match="not open"):
        pmmlink.Session(animator=LoudnessAnimator()).push(b"")
    with pytest.raises(AudioError, match="rate_hz 10"):
        pmmlink.Session(animator=LoudnessAnimator(), rate_hz=10)
