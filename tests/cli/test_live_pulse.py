"""A real PortAudio microphone: the monitor of a PulseAudio null sink, where PulseAudio is installed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("pulseaudio") is None or shutil.which("pacat") is None,
        reason="needs pulseaudio and pacat (apt install pulseaudio pulseaudio-utils libasound2-plugins)",
    ),
]


@pytest.fixture
def pulse(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A PulseAudio server of our own with one null sink, whose monitor is the default microphone."""
    home = Path(tempfile.mkdtemp(prefix="pm-pulse-"))
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(home))
    monkeypatch.setenv("PULSE_SERVER", f"unix:{home}/native")
    (home / ".asoundrc").write_text("pcm.!default pulse\nctl.!default pulse\npcm.pulse {type pulse}\n")
    server = subprocess.Popen(
        [
            *("pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--disallow-exit"),
            *(
                "--use-pid-file=no",
                "-L",
                f"module-native-protocol-unix socket={home}/native auth-anonymous=1",
            ),
            *("-L", "module-null-sink sink_name=null", "-L", "module-always-sink"),
        ],
        env={**os.environ},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 20
    while not (home / "native").exists():
        if server.poll() is not None or time.monotonic() > deadline:
            pytest.skip("PulseAudio does not start here")
        time.sleep(0.1)
    yield
    server.terminate()
    server.wait(10)
    shutil.rmtree(home, ignore_errors=True)


@pytest.mark.usefixtures("pulse")
def test_a_real_microphone_moves_the_mouth(weights: Path, speech: Path, tmp_path: Path) -> None:
    found = subprocess.run(
        [sys.executable, "-c", "import sounddevice as s; print(s.query_devices(kind='input')['name'])"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if found.returncode:
        pytest.skip(f"PortAudio sees no PulseAudio device: {found.stderr.strip().splitlines()[-1]}")
    command = [sys.executable, "-m", "pmmlink.cli", "live", "--mic", "--json", "--no-gate"]
    command += ["--weights", str(weights), "--to", str(tmp_path / "take.csv")]
    live = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=tmp_path)
    assert live.stdout is not None
    first = json.loads(live.stdout.readline())
    player = subprocess.Popen(["paplay", str(speech)])
    player.wait(60)
    time.sleep(1.0)
    live.terminate()
    lines = [json.loads(line) for line in live.stdout.read().splitlines()]
    assert live.wait(60) == 130
    assert first["text"].startswith("live: ")
    status = [line for line in lines if line["type"] == "status"]
    assert max(line["level_db"] for line in status) > -40
    # A slow computer drops frames, but the sound was all taken.
    assert status[-1]["frames"] + status[-1]["dropped"] > 20
