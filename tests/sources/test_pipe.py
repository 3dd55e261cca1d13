"""Raw PCM from a real pipe."""

from __future__ import annotations

import os
import time

import numpy as np
import pytest

from pmmlink.errors import AudioError
from pmmlink.sources.pipe import PipeSource


def drain(source: PipeSource) -> np.ndarray:
    taken = []
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and not (source.finished and not source.intake.waiting):
        arrival = source.intake.take(1000)
        if arrival is None:
            source.intake.wait(0.01)
        else:
            taken.append(arrival.samples)
    return np.concatenate(taken)


@pytest.mark.parametrize(("form", "kind", "full"), [("s16le", "<i2", 32768.0), ("f32le", "<f4", 1.0)])
def test_samples_cut_anywhere_arrive_whole_and_in_order(form: str, kind: str, full: float) -> None:
    reader, writer = os.pipe()
    sound = (np.linspace(-0.9, 0.9, 5001) * full).astype(kind)
    with os.fdopen(reader, "rb") as stream:
        source = PipeSource(stream, 16_000, form)
        source.start()
        data = sound.tobytes()
        for at in range(0, len(data), 333):
            os.write(writer, data[at : at + 333])
        os.close(writer)
        got = drain(source)
        source.stop()
    np.testing.assert_allclose(got, sound / full, atol=1e-7)


def test_numbers_that_are_none_become_silence() -> None:
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as stream:
        source = PipeSource(stream, 16_000, "f32le")
        source.start()
        os.write(writer, np.array([0.5, np.nan, np.inf, -0.5], "<f4").tobytes())
        os.close(writer)
        assert drain(source).tolist() == [0.5, 0.0, 0.0, -0.5]


def test_a_rate_that_cannot_be_is_refused() -> None:
    with open(os.devnull, "rb") as stream, pytest.raises(AudioError, match="--rate 1: expected"):
        PipeSource(stream, 1)
