"""Real PortAudio devices: PulseAudio null sinks, where PulseAudio is installed.

What is played into the sink ``talk`` is heard by the microphone of the same name; ``ear`` is a loudspeaker.
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

PROGRAMS = ("pulseaudio", "paplay", "parec")

pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, PROGRAMS)),
    reason="needs PulseAudio (apt install pulseaudio pulseaudio-utils libasound2-plugins libportaudio2)",
)

ALSA = """
pcm.!default {type pulse}
ctl.!default {type pulse}
pcm.talk {type pulse device talk.monitor hint {show on}}
pcm.ear {type pulse device ear hint {show on}}
"""


@pytest.fixture
def pulse(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A PulseAudio server of our own with two null sinks."""
    home = Path(tempfile.mkdtemp(prefix="pm-pulse-"))
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(home))
    monkeypatch.setenv("PULSE_SERVER", f"unix:{home}/native")
    (home / ".asoundrc").write_text(ALSA, encoding="ascii")
    modules = [
        f"module-native-protocol-unix socket={home}/native auth-anonymous=1",
        "module-null-sink sink_name=talk",
        "module-null-sink sink_name=ear",
    ]
    server = subprocess.Popen(
        ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no"]
        + [part for module in modules for part in ("-L", module)],
        env={**os.environ},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 20
    while not (home / "native").exists():
        if server.poll() is not None or time.monotonic() > deadline:
            pytest.skip("PulseAudio does not start here")
        time.sleep(0.1)
    seen = run("from pmmlink.runtime.devices import list_devices; print(*(d.name for d in list_devices(())))")
    if "talk" not in seen:
        pytest.skip(f"PortAudio does not see PulseAudio's devices, but: {seen}")
    yield
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


def loudness(recorder: subprocess.Popen[bytes]) -> np.ndarray:
    """The peaks of each 10 ms that a recorder of 16-bit mono at 16 kHz has heard."""
    recorder.terminate()
    sound = np.frombuffer(recorder.communicate(timeout=20)[0], "<i2") / 32768
    return np.abs(sound[: len(sound) // 160 * 160].reshape(-1, 160)).max(axis=1)


def listen(sink: str) -> subprocess.Popen[bytes]:
    options = ["--raw", "--format=s16le", "--rate=16000", "--channels=1", "--latency-msec=20"]
    return subprocess.Popen(["parec", "-d", f"{sink}.monitor", *options], stdout=subprocess.PIPE)


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
def test_a_real_loudspeaker_found_by_its_name_plays() -> None:
    ear = listen("ear")
    assert run(PLAY) == "ear 16000"
    peaks = loudness(ear)
    assert 40 < (peaks > 0.45).sum() < 140


MONITOR = """
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
live = Live(microphone, LoudnessAnimator(), Target(), options=LiveOptions(gate=False, delay_s=0.17))
monitors = []
def make(_, rate_hz):
    monitors.append(Monitor(device, rate_hz, 0.17, print))
    return monitors[0]
live.attach(make)
live.start()
print("started", flush=True)
sys.stdin.readline()
print(live.stats.frames, monitors[0].error_s, flush=True)
live.stop()
live.wait()
"""


@pytest.mark.usefixtures("pulse")
def test_a_real_microphone_is_heard_again_when_its_face_is_seen(speech: Path) -> None:
    live = subprocess.Popen(
        [sys.executable, "-c", MONITOR], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert live.stdout is not None
    assert live.stdout.readline() == "started\n"
    time.sleep(1.5)  # both devices settle
    said, heard = listen("talk"), listen("ear")
    time.sleep(0.5)
    subprocess.run(["paplay", "-d", "talk", str(speech)], check=True, timeout=60)
    spoken, played = loudness(said), loudness(heard)
    frames, error_s = live.communicate("\n", timeout=60)[0].split()
    assert live.returncode == 0
    assert int(frames) > 30
    assert abs(float(error_s)) < 0.1
    # The same sound, later: the monitor's delay and what PulseAudio itself needs.
    assert spoken.max() > 0.1
    assert played.max() > 0.1
    late = int(np.argmax(played > 0.1)) - int(np.argmax(spoken > 0.1))
    assert 10 <= late <= 100, f"{late * 10} ms"


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
