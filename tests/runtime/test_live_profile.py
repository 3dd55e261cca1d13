"""The character of a live session: its smoothing, its rig, and edits of its file while it runs."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
from runtime.live_rig import RATE, Target, voice

from pmmlink.retarget import Profile, load_profile
from pmmlink.retarget.smooth import PRESET, OneEuro
from pmmlink.runtime.live import Live
from pmmlink.runtime.live_options import LiveOptions
from pmmlink.runtime.record import TakeRecorder
from pmmlink.sources.push import PushSource
from pmmlink.testing import LoudnessAnimator, VirtualTime


class Stage:
    """A live loop with a character, on virtual time."""

    def __init__(self, profile: Profile, options: LiveOptions | None = None) -> None:
        self.host = VirtualTime()
        self.source = PushSource(RATE, self.host.now)
        self.target = Target(self.host)
        self.events: list[str] = []
        self.live = Live(
            self.source,
            LoudnessAnimator(),
            self.target,
            profile=profile,
            options=options or LiveOptions(gate=False),
            host=self.host,
            on_event=self.events.append,
        )

    def speak(self, seconds: float) -> int:
        """A voice of changing loudness, for so long; the number of frames sent before."""
        before = len(self.target.frames)
        sound = voice(seconds) * np.repeat(np.tile([1.0, 0.3], RATE), 3200)[: round(seconds * RATE)]
        for at in range(0, len(sound), 160):
            self.host.sleep(0.01)
            self.source.push(sound[at : at + 160].astype(np.float32))
            while self.live.step():
                pass
        return before

    def jaw(self, seconds: float) -> np.ndarray:
        """The jaw while the voice speaks."""
        before = self.speak(seconds)
        return self.target.curve()[before:]


def written(path: Path, text: str, age_s: float) -> Path:
    path.write_text("version: 1\n" + text, encoding="utf-8")
    # File systems may count in seconds: each version has a time of its own.
    os.utime(path, (1e9 + age_s, 1e9 + age_s))
    return path


def restless(jaw: np.ndarray) -> float:
    return float(np.abs(np.diff(jaw[15:])).mean())


def test_smoothing_calms_the_curves_whether_the_profile_or_the_session_asks_for_it(tmp_path: Path) -> None:
    calm = "smoothing:\n  jaw: {min_cutoff_hz: 0.5, beta: 0.0}\n"
    own = load_profile(written(tmp_path / "calm.yaml", calm, 0))
    light = LiveOptions(gate=False, smoothing=PRESET)
    plain, asked, told = Stage(Profile()), Stage(Profile(), light), Stage(own, light)
    moves = [restless(stage.jaw(2.0)) for stage in (plain, asked, told)]
    assert moves[1] < 0.9 * moves[0]
    # The profile's own settings win.
    assert moves[2] < 0.5 * moves[1]


def test_smoothing_does_not_open_closed_lips() -> None:
    heavy = LiveOptions(gate=False, smoothing={"jaw": OneEuro(0.3, 0.0), "mouth": OneEuro(0.3, 0.0)})
    gaps = []
    for options in (LiveOptions(gate=False), heavy):
        stage = Stage(Profile(), options)
        stage.speak(2.0)
        jaw, close = stage.target.curve("jawOpen"), stage.target.curve("mouthClose")
        gaps.append(np.all(close <= jaw + 1e-6))
    assert all(gaps)


def test_an_edit_of_the_profile_takes_effect_while_the_session_runs(tmp_path: Path) -> None:
    path = written(tmp_path / "actor.yaml", "intensity: 1.0\n", 0)
    stage = Stage(load_profile(path))
    before = stage.jaw(1.0)[15:].mean()
    written(path, "intensity: 0.5\n", 10)
    time.sleep(1.05)  # the file is looked at once a second of real time
    after = stage.jaw(1.0)[15:].mean()
    assert stage.events == [f"{path}: read again"]
    assert after < 0.7 * before


def test_a_session_may_send_and_record_the_curves_of_another_rig(tmp_path: Path) -> None:
    profile = load_profile(written(tmp_path / "iclone.yaml", "rig: cc4\n", 0))
    stage = Stage(profile)
    take = TakeRecorder(
        tmp_path / "take", 0, RATE, stage.live.options.fps, stage.events.append, stage.live.curves
    )
    stage.live.attach(lambda _, __: take)
    stage.speak(1.0)
    take.close()
    assert profile.rig is not None
    assert stage.target.frames[-1].curves == profile.rig.curves
    assert max(frame.values.max() for frame in stage.target.frames) > 0.2
    titles, *rows = take.csv.read_text(encoding="utf-8").splitlines()
    assert titles.endswith(",".join(profile.rig.curves.names))
    assert len(rows) == len(stage.target.frames)
