"""Hours of sound at maximum speed through the live path: memory, frames, time stamps.

    python benchmarks/soak.py --hours 1               # the shipped model
    python benchmarks/soak.py --hours 24 --minutes 40 # as far as 40 minutes of computing go
    python benchmarks/soak.py --hours 24 --stand-in   # everything but the model

Sound is delivered in 10 ms blocks on a clock that passes as fast as the work is done. Prints resident
memory each tenth of the way, its growth after the first tenth, and whether any frame was lost, doubled or
mistimed.
"""

from __future__ import annotations

import argparse
import ctypes
import sys
import time
from pathlib import Path

import numpy as np
import soundfile as sf

from pmmlink.resources import sample_speech
from pmmlink.runtime.base import Animator
from pmmlink.runtime.live import Live
from pmmlink.sources.push import PushSource
from pmmlink.testing import LoudnessAnimator, VirtualTime
from pmmlink.types import CurveFrame

_BLOCK_S = 0.01


def _resident_mib() -> float:
    if sys.platform == "win32":
        counters = (ctypes.c_size_t * 10)(80)
        ctypes.windll.psapi.GetProcessMemoryInfo(-1, counters, 80)
        return counters[2] / 2**20
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 2**20


class _Check:
    """Counts frames and what is wrong with them."""

    def __init__(self) -> None:
        self.frames = self.wrong = 0

    def send(self, frame: CurveFrame) -> None:
        right_time = frame.time_us == round(self.frames * 1_000_000 / 30)
        self.wrong += frame.index != self.frames or not right_time or not np.isfinite(frame.values).all()
        self.frames += 1


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--minutes", type=float, default=np.inf, help="end after so long in any case")
    parser.add_argument("--stand-in", action="store_true", help="a stand-in for the model")
    arguments = parser.parse_args()
    animator: Animator = LoudnessAnimator()
    if not arguments.stand_in:
        from pmmlink.model.animator import load_animator

        animator = load_animator()
    sound, rate = sf.read(sample_speech(), dtype="float32")
    host = VirtualTime()
    source = PushSource(rate, host.now)
    check = _Check()
    events: list[str] = []
    live = Live(source, animator, check, host=host, on_event=events.append)

    size = rate // 100
    blocks = round(arguments.hours * 360_000)
    started, started_cpu = time.perf_counter(), time.process_time()
    memory: list[float] = []
    done = 0
    while done < blocks and len(memory) < 10:
        host.sleep(size / rate)
        at = done * size % (len(sound) - size)
        source.push(sound[at : at + size])
        while live.step():
            pass
        done += 1
        took = time.perf_counter() - started
        if max(done / blocks, took / (60 * arguments.minutes)) * 10 >= len(memory) + 1:
            memory.append(_resident_mib())
            seconds = done * size / rate
            speed, own = seconds / took, seconds / (time.process_time() - started_cpu)
            print(
                f"{seconds / 3600:7.3f} h  {memory[-1]:8.2f} MiB  {speed:6.1f} x real time, "
                f"{own:6.1f} x by processor time",
                flush=True,
            )
    expected = int(done * size / rate * 30)
    print(f"frames {check.frames} (sound for {expected}), lost, doubled or mistimed {check.wrong}")
    print(f"dropped {live.stats.dropped}, events {events}")
    print(f"memory after the first tenth: {100 * (memory[-1] / memory[0] - 1):+.2f} %")


if __name__ == "__main__":
    main()
