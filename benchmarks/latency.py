"""How long after its sound does a frame arrive? ``pmmlink live --stdin`` measured from outside.

    python benchmarks/latency.py                 # 60 s of real speech, balanced
    python benchmarks/latency.py --latency low --busy

Three processes, as in use: this one writes real speech into the pipe at real time, block by block, noting
when each sample went; ``pmmlink live --stdin`` works in another; a third receives OSC on loopback and notes
when each packet came. A frame's time stamp names the sample it shows, so packet time minus delivery time of
that sample is the latency, with nothing taken on trust from the program under test. Its own figures by part
are printed below. All clocks are the host's monotonic one.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import socket
import subprocess
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import soundfile as sf

from pmmlink.resources import sample_speech
from pmmlink.wire.osc import Bye, Frame, decode

_BLOCK_S = 0.01


def _receive(port: Connection, results: Connection) -> None:
    """Note time stamp and time of arrival of each frame until ``bye``."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.bind(("127.0.0.1", 0))
    port.send(listener.getsockname()[1])
    came: list[tuple[int, int]] = []
    while True:
        data = listener.recv(65536)
        now = time.monotonic_ns()
        message = decode(data)
        if isinstance(message, Frame):
            came.append((message.time_us, now))
        elif isinstance(message, Bye):
            results.send(came)
            return


def _burn() -> None:
    """Keep one core busy."""
    x = 0
    while True:
        x = (x * 1103515245 + 12345) % 2**31


def _command(arguments: argparse.Namespace, port: int, rate: int) -> list[str]:
    command = [sys.executable, "-m", "pmmlink.cli", "live", "--stdin", "--rate", str(rate), "--json"]
    command += ["--latency", arguments.latency, "--to", f"osc://127.0.0.1:{port}"]
    if arguments.weights:
        command += ["--weights", str(arguments.weights)]
    return command


def _feed(pipe: object, sound: np.ndarray, rate: int) -> list[tuple[int, int]]:
    """Write in real time; ``(samples written so far, when)`` of each block."""
    size = round(_BLOCK_S * rate)
    started = time.monotonic_ns()
    went: list[tuple[int, int]] = []
    for at in range(0, len(sound), size):
        block = sound[at : at + size]
        due = started + round((at + len(block)) / rate * 1e9)
        while (left := due - time.monotonic_ns()) > 0:
            time.sleep(left / 1e9)
        pipe.write(block.tobytes())  # type: ignore[attr-defined]
        pipe.flush()  # type: ignore[attr-defined]
        went.append((at + len(block), time.monotonic_ns()))
    return went


def _percentiles(milliseconds: np.ndarray) -> str:
    middle, most, nearly_all = np.percentile(milliseconds, [50, 95, 99])
    return f"p50 {middle:7.1f}  p95 {most:7.1f}  p99 {nearly_all:7.1f}  max {milliseconds.max():7.1f} ms"


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0, help="sound to feed (the speech is repeated)")
    parser.add_argument("--latency", default="balanced", choices=("low", "balanced", "quality"))
    parser.add_argument("--busy", action="store_true", help="keep one core busy meanwhile")
    parser.add_argument("--speech", type=Path, default=sample_speech())
    parser.add_argument("--weights", type=Path)
    arguments = parser.parse_args()

    sound, rate = sf.read(arguments.speech, dtype="int16", always_2d=True)
    wanted = round(arguments.seconds * rate)
    speech = np.resize(sound[:, 0], wanted)

    context = multiprocessing.get_context("spawn")
    port_in, port_out = context.Pipe(False)
    results_in, results_out = context.Pipe(False)
    receiver = context.Process(target=_receive, args=(port_out, results_out), daemon=True)
    receiver.start()
    burner = context.Process(target=_burn, daemon=True) if arguments.busy else None
    if burner is not None:
        burner.start()
    command = _command(arguments, port_in.recv(), rate)
    program = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    if program.stdin is None or program.stdout is None:
        raise SystemExit("no pipes")
    # Its first line comes when the model is loaded.
    program.stdout.readline()
    load_before = os.getloadavg() if hasattr(os, "getloadavg") else None
    went = _feed(program.stdin, speech, rate)
    program.stdin.close()
    lines = [json.loads(line) for line in program.stdout.read().splitlines()]
    program.wait(30)
    came = results_in.recv()
    if burner is not None:
        burner.terminate()

    ends = np.array([end for end, _ in went])
    whens = np.array([when for _, when in went])
    stamps = np.array([stamp for stamp, _ in came])
    arrived = np.array([when for _, when in came])
    sample = np.ceil(stamps * 1e-6 * rate).astype(np.int64)
    # Frames behind the end show silence, the first second contains the warming up.
    inside = (sample < ends[-1]) & (stamps > 1_000_000)
    block = np.searchsorted(ends, sample[inside], side="right")
    latency = (arrived[inside] - whens[block]) / 1e6

    machine = platform.processor() or platform.machine()
    load = load_before and [round(x, 1) for x in load_before]
    print(f"{machine}, {os.cpu_count()} cores, {platform.system()}")
    print(f"load average {load}, one core kept busy: {arguments.busy}")
    expected = int(inside.sum() and sample[inside].max() / rate * 30 - 30)
    print(f"{arguments.latency}: {inside.sum()} frames of {expected} in {arguments.seconds:g} s of speech")
    print(f"  end to end  {_percentiles(latency)}   (sample delivered to packet received)")
    status = [line for line in lines if line["type"] == "status"][-1]
    for name, part in status["parts_ms"].items():
        print(f"  {name:10s}  " + "  ".join(f"{key} {value:7.1f}" for key, value in part.items()) + " ms")
    print(f"  declared    {status['budget_ms']}")
    print(f"  dropped     {status['dropped']}, gaps in the sound {status['gaps']}")
    if status["gaps"]:
        print("  The sound came with gaps, which time stamps count: 'end to end' is not to be trusted here.")


if __name__ == "__main__":
    main()
