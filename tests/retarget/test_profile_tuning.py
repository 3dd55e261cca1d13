"""A profile tuned by hand: undo in the editor, and a file that is read again while a stream runs."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from pmmlink.curves import LIVELINK_61, MODEL_32
from pmmlink.errors import ProfileError
from pmmlink.retarget import Profile, ProfileEditor, ProfileWatcher, Smoothing, load_profile
from pmmlink.runtime.pipeline import Pipeline
from pmmlink.testing import LoudnessAnimator
from pmmlink.types import AudioChunk


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def write(path: Path, text: str) -> None:
    """Write so that the change shows in the file's time even where clocks are coarse."""
    before = path.stat().st_mtime_ns if path.exists() else 0
    path.write_text(text, encoding="utf-8")
    os.utime(path, ns=(before + 10**9, before + 10**9))


@pytest.fixture
def anna(tmp_path: Path) -> Path:
    path = tmp_path / "anna.yaml"
    write(path, "version: 1\ncurves:\n  jawOpen: {gain: 1.0}\n")
    return path


def test_a_changed_file_is_read_again_at_most_once_a_second(anna: Path) -> None:
    clock, said = Clock(), []
    watcher = ProfileWatcher(load_profile(anna), said.append, clock)
    write(anna, "version: 1\ncurves:\n  jawOpen: {gain: 0.5}\n")
    assert watcher.poll() is None
    clock.now_s += 1.01
    new = watcher.poll()
    assert new is not None
    assert new.setting("jawOpen").gain == 0.5
    clock.now_s += 1.01
    assert watcher.poll() is None
    assert said == [f"{anna}: read again"]


def test_a_bad_edit_keeps_the_profile_and_is_said_once(anna: Path) -> None:
    clock, said = Clock(), []
    watcher = ProfileWatcher(load_profile(anna), said.append, clock)
    write(anna, "version: 1\ncurves:\n  jawOpne: {gain: 0.5}\n")
    for _ in range(5):
        clock.now_s += 1.01
        assert watcher.poll() is None
    assert len(said) == 1
    assert f"{anna}:3: unknown curve 'jawOpne'; did you mean 'jawOpen'?" in said[0]
    anna.unlink()
    clock.now_s += 1.01
    assert watcher.poll() is None
    write(anna, "version: 1\ncurves:\n  jawOpen: {gain: 2}\n")
    clock.now_s += 1.01
    new = watcher.poll()
    assert new is not None
    assert new.setting("jawOpen").gain == 2.0


def test_the_intensity_of_the_command_line_outlives_a_reload(anna: Path) -> None:
    clock = Clock()
    watcher = ProfileWatcher(load_profile(anna, 1.5), clock=clock)
    write(anna, "version: 1\nintensity: 0.5\n")
    clock.now_s += 1.01
    new = watcher.poll()
    assert new is not None
    assert new.intensity == pytest.approx(0.75)


def test_a_running_stream_follows_the_file(anna: Path) -> None:
    clock, said = Clock(), []
    profile = load_profile(anna)
    watcher = ProfileWatcher(profile, said.append, clock)
    pipeline = Pipeline(LoudnessAnimator(), 16_000, profile=profile, watcher=watcher)
    tone = (0.3 * np.sin(np.arange(16_000) / 10)).astype(np.float32)
    jaw = LIVELINK_61.index("jawOpen")
    before = pipeline.push(AudioChunk(tone, 0))[-1].values[jaw]
    write(anna, "version: 1\nrig: vrm\ncurves:\n  jawOpen: {gain: 0.5}\n")
    clock.now_s += 1.01
    frame = pipeline.push(AudioChunk(tone, len(tone)))[-1]
    assert frame.values[jaw] == pytest.approx(before / 2, rel=1e-3)
    assert frame.curves is LIVELINK_61  # the receivers were told these
    assert said == [f"{anna}: read again; its rig and delay take effect at the next start"]


def test_a_profiles_delay_shifts_the_frames_and_a_lead_is_in_the_latency_budget() -> None:
    sound = np.zeros(32_000, np.float32)
    sound[16_000:16_400] = 0.5
    jaw = LIVELINK_61.index("jawOpen")

    def course(delay_ms: float) -> tuple[np.ndarray, float]:
        pipeline = Pipeline(LoudnessAnimator(), 16_000, profile=Profile(delay_ms=delay_ms), fps=Fraction(30))
        frames = pipeline.push(AudioChunk(sound, 0)) + pipeline.flush()
        return np.array([f.values[jaw] for f in frames]), pipeline.budget.total_s

    plain, plain_s = course(0.0)
    for delay_ms, shift in ((200.0, 6), (-200.0, -6)):
        shifted, budget_s = course(delay_ms)
        assert len(shifted) == len(plain)
        np.testing.assert_allclose(shifted[10:50], plain[10 - shift : 50 - shift], atol=1e-5)
        assert budget_s - plain_s == pytest.approx(max(0.0, -delay_ms / 1e3))


def test_a_profiles_smoothing_calms_the_jaw_but_never_opens_closed_lips() -> None:
    class Jitter(LoudnessAnimator):
        """A trembling jaw, and every tenth frame a P: lips closed over it."""

        def push(self, samples: np.ndarray) -> np.ndarray:
            rows = super().push(samples)
            rows[:] = 0.0
            jaw, close = MODEL_32.index("jawOpen"), MODEL_32.index("mouthClose")
            rows[:, jaw] = 0.4 + 0.05 * (-1.0) ** np.arange(len(rows))
            rows[::10, close] = rows[::10, jaw]
            return rows

    def frames(profile: Profile) -> np.ndarray:
        out = Pipeline(Jitter(), 16_000, profile=profile).push(AudioChunk(np.zeros(64_000, np.float32), 0))
        return np.stack([frame.values for frame in out])

    jaw, close = LIVELINK_61.index("jawOpen"), LIVELINK_61.index("mouthClose")
    calm = frames(Profile(smoothing={"jaw": Smoothing(1.0), "mouth": Smoothing(1.0)}))
    assert np.ptp(calm[30:, jaw]) < 0.3 * np.ptp(frames(Profile())[30:, jaw])
    np.testing.assert_allclose(calm[::10, close], calm[::10, jaw], atol=1e-6)
    assert (calm[1::10, close] < 0.1).all()


def test_the_editor_undoes_redoes_and_compares_with_the_file(anna: Path) -> None:
    editor = ProfileEditor(load_profile(anna))
    for gain in (1.1, 1.2, 1.3):  # a dragged slider
        editor.change(curves={"jawOpen": {"gain": gain}})
    editor.change(intensity=1.4)
    assert editor.changed
    assert editor.saved.intensity == 1.0
    assert editor.undo().intensity == 1.0
    assert editor.current.setting("jawOpen").gain == 1.3
    assert editor.undo().setting("jawOpen").gain == 1.0
    assert editor.undo().setting("jawOpen").gain == 1.0
    assert editor.redo().setting("jawOpen").gain == 1.3
    assert editor.redo().intensity == 1.4
    assert editor.revert() == editor.saved
    assert editor.undo().intensity == 1.4
    assert editor.save() == anna
    assert not editor.changed
    assert load_profile(anna).intensity == 1.4


def test_an_editor_refuses_what_is_not_valid_and_stays_where_it_was() -> None:
    editor = ProfileEditor(Profile(name="anna"))
    with pytest.raises(ProfileError, match="mouthClose follows jawOpen"):
        editor.change(curves={"mouthClose": {"offset": 0.5}})
    assert editor.current == Profile(name="anna")
    with pytest.raises(ProfileError, match="comes from no file"):
        editor.save()
