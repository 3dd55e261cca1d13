"""The ring of sound never loses, doubles or reorders a sample."""

from __future__ import annotations

import threading
import time

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pmmlink.sources.ring import SoundRing


@settings(max_examples=200, deadline=None)
@given(capacity=st.integers(1, 50), steps=st.lists(st.tuples(st.booleans(), st.integers(0, 70)), max_size=60))
def test_what_is_read_is_what_was_written(capacity: int, steps: list[tuple[bool, int]]) -> None:
    ring = SoundRing(capacity, 2)
    written, read = 0, 0
    for writing, count in steps:
        if writing:
            block = np.repeat(np.arange(written, written + count, dtype=np.float32)[:, None], 2, 1)
            taken = ring.write(block)
            assert taken == min(count, capacity - (written - read))
            written += taken
        else:
            out = np.full((count, 2), -1, np.float32)
            given_back = ring.read_into(out)
            assert given_back == min(count, written - read)
            np.testing.assert_array_equal(out[:given_back, 1], np.arange(read, read + given_back))
            assert (out[given_back:] == -1).all()
            read += given_back
        assert ring.filled == written - read


def test_a_writer_and_a_reader_thread_need_no_lock() -> None:
    ring = SoundRing(1000, 1)
    total = 50_000
    sound = np.arange(total, dtype=np.float32)[:, None]

    def write() -> None:
        at = 0
        while at < total:
            at += ring.write(sound[at : at + 333])
            time.sleep(0)

    writer = threading.Thread(target=write)
    writer.start()
    got = np.zeros((total, 1), np.float32)
    at = 0
    while at < total:
        at += ring.read_into(got[at : at + 480])
    writer.join()
    np.testing.assert_array_equal(got, sound)
