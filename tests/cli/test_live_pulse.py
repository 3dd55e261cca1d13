"""Real PortAudio devices: PulseAudio null sinks, where PulseAudio is installed.

What is played into the sink ``talk`` is heard by the microphone of the same name; ``ear`` is a loudspeaker.
Each is one side of the sink ``room``: one recorder hears both on one time line, sample for sample.
"""

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

import numpy as np
import pytest
import soundfile as sf

PROGRAMS = ("pulseaudio", "paplay", "parec")

pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, PROGRAMS)),
    reason="needs PulseAudio (apt install pulseaudio pulseaudio-utils libasound2-plugins libportaudio2)",
)

ALSA = """
pcm.!default {type pulse}
ctl.!default {type pulse}
pcm.talk {type pulse device microphone hint {show on}}
pcm.ear {type pulse device ear hint {show on}}
"""

RATE = 16_000
DELAY_S = 0.17
TOO_BUSY_S = 0.05
"""A program that sleeps so much too long gets no real time, and its sound breaks up."""

SIDE = "channels=1 channel_map=mono master_channel_map=front-{} remix=no"


@pytest.fixture
def pulse(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A PulseAudio server of our own: a microphone that hears ``talk``, and the loudspeaker ``ear``."""
    home = Path(tempfile.mkdtemp(prefix="pm-pulse-"))
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(home))
    monkeypatch.setenv("PULSE_SERVER", f"unix:{home}/native")
    (home / ".asoundrc").write_text(ALSA, encoding="ascii")
    modules = [
        f"module-native-protocol-unix socket={home}/native auth-anonymous=1",
        "module-null-sink sink_name=room channels=2 channel_map=front-left,front-right",
        f"module-remap-sink sink_name=talk master=room {SIDE.format('left')}",
        f"module-remap-sink sink_name=ear master=room {SIDE.format('right')}",
        f"module-remap-source source_name=microphone master=room.monitor {SIDE.format('left')}",
    ]
    server = subprocess.Popen(
        ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no"]
        + [part for module in modules for part in ("-L", module)],
        env={**os.environ},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 20
        while not (home / "native").exists():
            if server.poll() is not None or time.monotonic() > deadline:
                pytest.skip("PulseAudio does not start here")
            time.sleep(0.1)
        seen = run(
            "from pmmlink.runtime.devices import list_devices; print(*(d.name for d in list_devices(())))"
        )
        if "talk" not in seen:
            pytest.skip(f"PortAudio does not see PulseAudio's devices, but: {seen}")
        yield
    finally:
        server.terminate()
        server.wait(10)
        shutil.rmtree(home, ignore_errors=True)


def run(code: str) -> str:
    """What a program prints; PortAudio looks for devices once in a process, so each gets its own."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


class Recorder:
    """What is heard in the room from now on: 16-bit stereo at 16 kHz, ``talk`` left and ``ear`` right.

    A file takes it, not a pipe: a pipe that nobody reads is full after a second, and sound is lost.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        options = ["--raw", "--format=s16le", f"--rate={RATE}", "--channels=2", "--latency-msec=20"]
        with path.open("wb") as file:
            self._program = subprocess.Popen(["parec", "-d", "room.monitor", *options], stdout=file)
        deadline = time.monotonic() + 20
        while not path.stat().st_size:
            assert time.monotonic() < deadline, "the recorder hears nothing"
            time.sleep(0.01)

    def stop(self) -> tuple[np.ndarray, np.ndarray]:
        """``talk`` and ``ear``, ``[N]`` each."""
        self._program.terminate()
        self._program.wait(20)
        sound = np.fromfile(self._path, "<i2")
        left, right = sound[: len(sound) // 2 * 2].reshape(-1, 2).T / 32768
        return left, right


def lags_s(said: np.ndarray, heard: np.ndarray) -> np.ndarray:
    """How much later each fifth of a second that was said is heard again, at most half a second."""
    size, most = RATE // 5, RATE // 2
    pieces = [(at, said[at : at + size]) for at in range(0, len(said) - size - most, size)]
    return np.array(
        [
            np.correlate(heard[at : at + size + most], piece, "valid").argmax() / RATE
            for at, piece in pieces
            if np.abs(piece).max() > 0.1
        ]
    )


HEAR = """
import sys, threading, time
import numpy as np
from pmmlink.sources.portaudio import open_microphone
microphone = open_microphone("TALK", 0.01, fresh=False)
heard, ages = [], []
def take(sound, captured_s, lost):
    heard.append(float(np.abs(sound).max()))
    ages.append(time.perf_counter() - captured_s)
microphone.start(take)
print(microphone.name, flush=True)
deadline = time.monotonic() + 30
while time.monotonic() < deadline and not (heard and max(heard[-50:]) > 0.2):
    time.sleep(0.05)
microphone.stop()
print(max(heard, default=0.0), min(ages, default=0.0))
"""


@pytest.mark.usefixtures("pulse")
def test_a_real_microphone_found_by_part_of_its_name_hears_what_is_played(speech: Path) -> None:
    hearing = subprocess.Popen([sys.executable, "-c", HEAR], stdout=subprocess.PIPE, text=True)
    assert hearing.stdout is not None
    assert hearing.stdout.readline().strip() == "talk"
    player = subprocess.Popen(["paplay", "-d", "talk", str(speech)])
    loudest, youngest = map(float, hearing.stdout.readline().split())
    player.terminate()
    player.wait(20)
    assert hearing.wait(60) == 0
    assert loudest > 0.2
    assert youngest >= 0.0, "no sound is heard before it was in the air"


PLAY = """
import time
import numpy as np
from pmmlink.runtime.clock import SystemTime
from pmmlink.runtime.output import SoundOutput
from pmmlink.runtime.portaudio import PortAudioDevice
device = PortAudioDevice(16_000, 1, wanted="ear")
output = SoundOutput(device, device.rate_hz, device.channels, SystemTime())
tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(2 * device.rate_hz) / device.rate_hz)
output.write(np.repeat(tone[:, None], device.channels, 1).astype(np.float32)[: device.rate_hz], lambda: False)
output.start()
time.sleep(2.5)
output.stop()
print(device.name, device.rate_hz)
"""


@pytest.mark.usefixtures("pulse")
def test_a_real_loudspeaker_found_by_its_name_plays(tmp_path: Path) -> None:
    room = Recorder(tmp_path / "room.raw")
    assert run(PLAY) == "ear 16000"
    _, ear = room.stop()
    peaks = np.abs(ear[: len(ear) // 160 * 160].reshape(-1, 160)).max(axis=1)
    assert 40 < (peaks > 0.45).sum() < 140, "a second of tone, in pieces of 10 ms"


REFRESH = """
import time
import numpy as np
from pmmlink.runtime.portaudio import PortAudioDevice
from pmmlink.sources.portaudio_devices import refresh_devices
device = PortAudioDevice(16_000, 1, wanted="ear")
pulls = []
def pull(out, heard_at_s):
    out[:] = 0.5
    pulls.append(len(out))
def wait_for(count):
    deadline = time.monotonic() + 20
    while len(pulls) < count and time.monotonic() < deadline:
        time.sleep(0.01)
device.start(pull)
wait_for(20)
for _ in range(3):
    refresh_devices()
    before = len(pulls)
    wait_for(before + 20)
device.stop()
print(len(pulls) - before >= 20)
after = len(pulls)
refresh_devices()
time.sleep(0.5)
print(len(pulls) - after)
"""


@pytest.mark.usefixtures("pulse")
def test_a_loudspeaker_plays_on_while_devices_are_looked_for_anew() -> None:
    assert run(REFRESH).split() == ["True", "0"]


MONITOR = f"""
import sys, time
from pmmlink.runtime.live import Live
from pmmlink.runtime.live_options import LiveOptions
from pmmlink.runtime.monitor import Monitor
from pmmlink.runtime.portaudio import PortAudioDevice
from pmmlink.sources.microphone import Microphone
from pmmlink.sources.portaudio import open_microphone
from pmmlink.testing import LoudnessAnimator
class Target:
    def send(self, frame): pass
microphone = Microphone(lambda: open_microphone("talk", 0.01, fresh=False))
device = PortAudioDevice(microphone.intake.rate_hz, 1, latency_s=0.03, wanted="ear")
live = Live(microphone, LoudnessAnimator(), Target(), options=LiveOptions(gate=False, delay_s={DELAY_S}))
monitors = []
def make(_, rate_hz):
    monitors.append(Monitor(device, rate_hz, {DELAY_S}, print))
    return monitors[0]
live.attach(make)
live.start()
print("started", flush=True)
sys.stdin.readline()
errors, late_s = [], 0.0
for _ in range(80):
    due = time.perf_counter() + 0.05
    time.sleep(0.05)
    late_s = max(late_s, time.perf_counter() - due)
    errors.append(monitors[0].error_s)
print(live.stats.frames + live.stats.dropped, min(errors), max(errors), late_s)
live.stop()
live.wait()
"""


@pytest.mark.usefixtures("pulse")
def test_a_real_microphone_is_heard_again_when_its_face_is_seen(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).uniform(-1, 1, 4 * RATE)
    sf.write(tmp_path / "noise.wav", np.convolve(noise, np.ones(16) / 8, "same"), RATE)
    live = subprocess.Popen(
        [sys.executable, "-c", MONITOR], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert live.stdout is not None
    assert live.stdout.readline() == "started\n"
    time.sleep(1.5)  # both devices settle
    room = Recorder(tmp_path / "room.raw")
    assert live.stdin is not None
    print(file=live.stdin, flush=True)
    subprocess.run(["paplay", "-d", "talk", str(tmp_path / "noise.wav")], check=True, timeout=60)
    frames, least_s, most_s, late_s = map(float, live.communicate(timeout=60)[0].split())
    said, heard = room.stop()
    assert live.returncode == 0
    if late_s > TOO_BUSY_S:
        pytest.skip(f"too busy a computer for real time: a program slept {late_s * 1000:.0f} ms too long")
    assert frames > 100, "shown, or dropped by a slow computer"
    lags = lags_s(said, heard)
    assert len(lags) >= 10
    off_s = float(np.median(lags)) - DELAY_S
    # Where the loudspeaker runs dry the delay is off for a while; the monitor knows by how much.
    assert least_s - 1 / 30 < off_s < most_s + 1 / 30, "more than a frame off what the monitor believes"
    assert least_s < 0.06
    assert most_s > -0.06


@pytest.mark.slow
@pytest.mark.usefixtures("pulse")
def test_a_real_microphone_moves_the_mouth(weights: Path, speech: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pmmlink.cli", "live", "--mic", "talk", "--monitor", "ear", "--json"]
    command += ["--no-gate", "--weights", str(weights), "--to", str(tmp_path / "take.csv")]
    live = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path)
    assert live.stdout is not None
    first = [json.loads(live.stdout.readline())["text"] for _ in range(3)]
    subprocess.run(["paplay", "-d", "talk", str(speech)], check=True, timeout=60)
    time.sleep(1.0)
    live.terminate()
    lines = [json.loads(line) for line in live.stdout]
    assert live.wait(60) == 130
    assert first[0].startswith("live: talk to ")
    assert first[2].startswith("monitor: ear, 170 ms behind the microphone")
    status = [line for line in lines if line["type"] == "status"]
    assert max(line["level_db"] for line in status) > -40
    # A slow computer drops frames, but the sound was all taken.
    assert status[-1]["frames"] + status[-1]["dropped"] > 20
