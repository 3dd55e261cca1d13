"""Measures the model: speed, cost of a frame, time to the first frame, memory.

    python benchmarks/model.py [--weights FILE | --random] [--seconds 20] [--json]

Each configuration (threads, size of the blocks fed) runs in a fresh process on the shipped speech. A frame's
cost is that of the block that completed it, shared among the frames that it completed; blocks that complete
none count for the real-time factor. Wall time says what this machine does now; processor time of the thread
that measures says what it would do with a core to itself, less what others take of its caches. That is given
for one thread only. The first frame is timed from before the process starts. With two threads on a busy
machine each waits for the other, thousands of times a second: that says nothing about an idle one.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

HOP = 533
BLOCK_10_MS = 160
SAMPLE_RATE_HZ = 16_000
_WARM_UP_S = 1.0


def measure(threads: int, block: int, seconds: float, weights: str, started_s: float) -> dict[str, Any]:
    """One configuration, in this process.

    Args:
        threads: of torch.
        block: samples fed at once.
        seconds: sound measured, after a second of warm-up.
        weights: a weights file, ``random`` for the compact preset with random weights, or empty.
        started_s: ``time.time`` at which the process was asked for.
    """
    import numpy as np
    import torch

    from pmmlink.model.animator import Animator, load_animator
    from pmmlink.model.config import PMMTalkConfig
    from pmmlink.model.pmmtalk import PMMTalk
    from pmmlink.runtime.doctor.model import sample_at_16_khz

    if weights == "random":
        torch.manual_seed(0)
        torch.set_num_threads(threads)
        animator = Animator(PMMTalk(PMMTalkConfig()))
    else:
        animator = load_animator(Path(weights) if weights else None, threads=threads)
    speech = sample_at_16_khz(_WARM_UP_S + 30)
    speech = np.tile(speech, 1 + int((_WARM_UP_S + seconds) * SAMPLE_RATE_HZ) // len(speech))
    at = 0
    while not len(animator.push(speech[at : at + block])):
        at += block
    first_frame_s = time.time() - started_s
    while at < _WARM_UP_S * SAMPLE_RATE_HZ:
        at += block
        animator.push(speech[at : at + block])
    wall_ms, own_ms, frames = [], [], []
    for start in range(at + block, round((_WARM_UP_S + seconds) * SAMPLE_RATE_HZ), block):
        wall_s, own_s = time.perf_counter(), time.thread_time()
        curves = animator.push(speech[start : start + block])
        wall_ms.append((time.perf_counter() - wall_s) * 1e3)
        own_ms.append((time.thread_time() - own_s) * 1e3)
        frames.append(len(curves))
    sound_ms = len(frames) * block / SAMPLE_RATE_HZ * 1e3
    result: dict[str, Any] = {
        "threads": threads,
        "block": block,
        "modalities": list(animator.model.modalities),
        "frames": sum(frames),
        "real_time_factor": sum(wall_ms) / sound_ms,
        "frame_ms": spread(wall_ms, frames),
        "first_frame_s": first_frame_s,
        "peak_memory_mb": peak_memory_mb(),
    }
    if threads == 1:
        result["processor_real_time_factor"] = sum(own_ms) / sound_ms
        result["processor_frame_ms"] = spread(own_ms, frames)
    return result


def spread(costs_ms: list[float], frames: list[int]) -> dict[str, float]:
    """Percentiles of the cost of a frame."""
    each = [cost / count for cost, count in zip(costs_ms, frames, strict=True) for _ in range(count)]
    cuts = statistics.quantiles(each, n=100)
    return {"p50": cuts[49], "p95": cuts[94], "p99": cuts[98]}


def peak_memory_mb() -> float | None:
    """Largest resident set of this process so far; None where only extra packages tell."""
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def processor() -> str:
    """The processor's name."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def run_fresh(threads: int, block: int, seconds: float, weights: str) -> dict[str, Any]:
    """One configuration, in a process of its own."""
    arguments = json.dumps([threads, block, seconds, weights, time.time()])
    done = subprocess.run(
        [sys.executable, str(Path(__file__)), "--one", arguments],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def show(report: dict[str, Any]) -> None:
    """The report as a table."""
    print(f"{report['date']}, {report['processor']}, {report['cores']} cores, torch {report['torch']}")
    load = "" if report["load"] is None else f", load of the machine at the start {report['load']:.1f}"
    print(f"{report['weights']} ({', '.join(report['results'][0]['modalities'])}){load}")
    print("threads  block    x real time    ms a frame p50     p95     p99  first frame  peak memory")
    for result in report["results"]:
        block = f"{result['block'] / SAMPLE_RATE_HZ * 1e3:.0f} ms"
        memory = "-" if result["peak_memory_mb"] is None else f"{result['peak_memory_mb']:.0f} MB"
        for kind, title in (("", "wall"), ("processor_", "processor")):
            if f"{kind}frame_ms" not in result:
                continue
            cost = result[f"{kind}frame_ms"]
            tail = f"{result['first_frame_s']:8.2f} s {memory:>13}" if not kind else ""
            print(
                f"{result['threads']:>4} {block:>9} {result[f'{kind}real_time_factor']:>8.2f} {title:<10}"
                f"{cost['p50']:>12.1f} {cost['p95']:>7.1f} {cost['p99']:>7.1f} {tail}"
            )


def main() -> None:
    """Command line of the benchmark."""
    parser = argparse.ArgumentParser(description="Measures the model.")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--weights", type=Path, help="a weights file; default: the shipped one")
    source.add_argument("--random", action="store_true", help="the compact preset with random weights")
    parser.add_argument("--seconds", type=float, default=20, help="sound measured in each configuration")
    parser.add_argument("--json", action="store_true", help="print JSON for machines")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measure(*json.loads(arguments.one))))
        return
    from importlib.metadata import version

    weights = "random" if arguments.random else str(arguments.weights or "")
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    results = [
        run_fresh(threads, block, arguments.seconds, weights)
        for threads in (1, 2)
        for block in (HOP, BLOCK_10_MS)
    ]
    report = {
        "date": date.today().isoformat(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "load": load,
        "torch": version("torch"),
        "weights": {"": "shipped weights", "random": "random weights"}.get(weights, weights),
        "results": results,
    }
    if arguments.json:
        print(json.dumps(report, indent=1))
    else:
        show(report)


if __name__ == "__main__":
    main()
