"""Cost of the Unreal plugin's engine-free core: decode + buffer per packet, sample + profile per frame.

    python benchmarks/cpp_core.py [--packets 200000]

Builds ``unreal_plugin`` in release mode in a temporary folder and runs its bench program on one thread.
Decode + buffer is all that happens to a datagram on the socket thread; sample + profile is what a tick
of the engine costs for one face. The flood sends a thousand packets a millisecond, valid, wild and damaged,
and reports peak memory after its first tenth and at its end.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PLUGIN = Path(__file__).resolve().parents[1] / "unreal_plugin"
LIMIT_US = 5.0
"""What decode + buffer may cost, p50, by the project's own aim."""


def measure(packets: int) -> list[list[str]]:
    """The lines of the bench program, split into words."""
    with tempfile.TemporaryDirectory() as name:
        build = Path(name)
        configure = ["cmake", "-S", str(PLUGIN), "-B", name, "-DCMAKE_BUILD_TYPE=Release"]
        subprocess.run(configure, check=True, capture_output=True)
        compile_it = ["cmake", "--build", name, "--config", "Release", "--target", "pmmlink_bench"]
        subprocess.run(compile_it, check=True, capture_output=True)
        program = next(
            path for path in build.rglob("pmmlink_bench*") if path.is_file() and os.access(path, os.X_OK)
        )
        done = subprocess.run([str(program), str(packets)], check=True, capture_output=True, text=True)
    return [line.split() for line in done.stdout.splitlines()]


def main() -> int:
    """Prints a table; exits 1 when a packet costs more than the aim."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--packets", type=int, default=200_000, help="of each kind")
    args = parser.parse_args()
    if shutil.which("cmake") is None:
        sys.stderr.write("needs cmake and a C++ compiler\n")
        return 2
    rows = measure(args.packets)
    write = sys.stdout.write
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    write(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load {load:.1f}\n\n")
    write("| packet | what | mean µs | p50 µs | p99 µs |\n|---|---|---|---|---|\n")
    worst = 0.0
    for name, *numbers in rows:
        if name == "flood":
            continue
        packet, what = name.split(":")
        mean, p50, p99, _ = map(float, numbers)
        write(f"| {packet} | {'decode + buffer' if what == 'push' else 'sample + profile'} ")
        write(f"| {mean:.2f} | {p50:.2f} | {p99:.2f} |\n")
        worst = max(worst, p50) if what == "push" else worst
    for name, *numbers in rows:
        if name == "flood":
            count, seconds, early, late = numbers
            each = float(seconds) / int(count) * 1e6
            write(f"\nflood: {int(count):,} packets, {each:.2f} µs each; peak memory ")
            write(f"{int(early) / 1024:.1f} MiB after a tenth, {int(late) / 1024:.1f} MiB at the end\n")
    write(f"\naim: decode + buffer p50 ≤ {LIMIT_US:g} µs: {'met' if worst <= LIMIT_US else 'missed'}\n")
    return 0 if worst <= LIMIT_US else 1


if __name__ == "__main__":
    raise SystemExit(main())
