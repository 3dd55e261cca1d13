"""Other rigs reach their receivers under the rig's own names; formats that know only ARKit refuse them."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_message import OscMessage

from pmmlink.errors import TargetError
from pmmlink.retarget import Profile, load_profile
from pmmlink.runtime.bake import bake_file
from pmmlink.runtime.session import Session
from pmmlink.testing import LoudnessAnimator

SYLLABLES = np.where(np.arange(32_000) % 8000 < 4000, 0.4 * np.sin(np.arange(32_000) / 9), 0.0).astype(
    np.float32
)


@pytest.fixture
def receiver() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        udp.bind(("127.0.0.1", 0))
        udp.settimeout(2.0)
        yield udp


@pytest.fixture
def vrm(tmp_path: Path) -> Profile:
    path = tmp_path / "anna.yaml"
    path.write_text("version: 1\nrig: vrm\n", encoding="utf-8")
    return load_profile(path)


def speak(url: str, profile: Profile) -> None:
    with Session([url], profile=profile, animator=LoudnessAnimator(), lossless=True) as session:
        session.push(SYLLABLES)
        session.flush()


def test_a_vmc_receiver_gets_the_vrm_visemes(receiver: socket.socket, vrm: Profile) -> None:
    speak(f"vmc://127.0.0.1:{receiver.getsockname()[1]}", vrm)
    seen: dict[str, float] = {}
    for _ in range(60):
        for message in OscBundle(receiver.recv(2048)):
            if message.address == "/VMC/Ext/Blend/Val":
                name, value = message.params
                seen[name] = max(seen.get(name, 0.0), value)
    assert list(seen) == ["aa", "ih", "ou", "ee", "oh"]
    assert seen["aa"] > 0.2


def test_an_osc_receiver_is_told_the_rigs_names_as_they_are_spelt(
    receiver: socket.socket, vrm: Profile
) -> None:
    speak(f"osc://127.0.0.1:{receiver.getsockname()[1]}", vrm)
    names, frame = (OscMessage(receiver.recv(2048)) for _ in range(2))
    assert names.params[1:] == ["aa", "ih", "ou", "ee", "oh"]
    assert len(frame.params) == 6 + 5


@pytest.mark.parametrize("url", ["livelink://127.0.0.1:9", "osc://127.0.0.1:9?curves=52"])
def test_formats_that_know_only_arkit_refuse_a_rig(url: str, vrm: Profile) -> None:
    with pytest.raises(TargetError, match="carries ARKit curves only, but the profile makes rig vrm"):
        speak(url, vrm)


def test_a_take_of_another_rig_has_its_names_as_columns(tmp_path: Path, vrm: Profile) -> None:
    import soundfile as sf

    sf.write(tmp_path / "speech.wav", SYLLABLES, 16_000)
    bake_file(tmp_path / "speech.wav", tmp_path / "take.csv", animator=LoudnessAnimator(), profile=vrm)
    lines = (tmp_path / "take.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "Timecode,BlendshapeCount,aa,ih,ou,ee,oh"
    assert len(lines) == 61
    rows = np.array([[float(cell) for cell in line.split(",")[1:]] for line in lines[1:]])
    assert (rows[:, 0] == 5).all()
    assert rows[:, 1].max() > 0.2
