"""Which files are baked, under which names, and which are done already."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import pytest

from pmmlink.errors import AudioError, ConfigError, TargetError
from pmmlink.model.checkpoint import SHIPPED
from pmmlink.resources import default_weights
from pmmlink.retarget import CurveSetting, Profile
from pmmlink.runtime.worklist import Done, Job, Settings, plan


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


def names(jobs: list[Job]) -> list[str]:
    return [job.out.name for job in jobs]


def test_one_file_goes_to_a_csv_or_into_a_folder(tmp_path: Path) -> None:
    a = touch(tmp_path / "a.wav")
    assert plan([a], tmp_path / "x.csv") == [Job(a, tmp_path / "x.csv")]
    assert plan([a], tmp_path / "new" / "out") == [Job(a, tmp_path / "new" / "out" / "a.csv")]


def test_folders_are_searched_in_depth_for_sound_only(tmp_path: Path) -> None:
    for name in ("b.FLAC", "sub/a.mp4", "notes.txt", ".hidden.wav", "c.csv"):
        touch(tmp_path / "in" / name)
    assert names(plan([tmp_path / "in"], tmp_path / "out")) == ["b.csv", "a.csv"]


def test_a_file_named_twice_is_baked_once(tmp_path: Path) -> None:
    a = touch(tmp_path / "in" / "a.wav")
    assert len(plan([a, tmp_path / "in", tmp_path / "in" / ".." / "in" / "a.wav"], tmp_path / "out")) == 1


def test_equal_stems_get_their_folder_then_their_ending_in_the_name(tmp_path: Path) -> None:
    for name in ("day1/take.wav", "day2/Take.wav", "day2/take.mp3", "day1/other.wav"):
        touch(tmp_path / "in" / name)
    found = names(plan([tmp_path / "in"], tmp_path / "out"))
    assert found == ["other.csv", "day1-take.csv", "day2-Take-wav.csv", "day2-take-mp3.csv"]


def test_what_still_clashes_is_numbered(tmp_path: Path) -> None:
    inputs = [touch(tmp_path / part / "day" / "take.wav") for part in ("x", "y", "z")]
    found = names(plan(inputs, tmp_path / "out"))
    assert found == ["day-take-wav.csv", "day-take-wav-2.csv", "day-take-wav-3.csv"]


def test_inputs_and_outputs_that_cannot_be_are_refused(tmp_path: Path) -> None:
    a, b = touch(tmp_path / "a.wav"), touch(tmp_path / "b.wav")
    with pytest.raises(TargetError, match=r"2 files cannot go into one \.csv"):
        plan([a, b], tmp_path / "x.csv")
    with pytest.raises(TargetError, match="cannot be made a folder"):
        plan([a, b], a)
    with pytest.raises(AudioError, match=r"c\.wav: no such file"):
        plan([tmp_path / "c.wav"], tmp_path / "x.csv")
    (tmp_path / "empty").mkdir()
    with pytest.raises(AudioError, match="no sound or video files"):
        plan([tmp_path / "empty"], tmp_path / "out")


def test_done_means_newer_and_same_settings_and_same_source(tmp_path: Path) -> None:
    job = Job(touch(tmp_path / "a.wav"), tmp_path / "a.csv")
    assert not Done("s1").has(job)
    touch(job.out)
    assert not Done("s1").has(job)
    Done("s1").add(job)
    assert Done("s1").has(job)
    assert not Done("s2").has(job)
    later = job.out.stat().st_mtime_ns + 10**9
    os.utime(job.source, ns=(later, later))
    assert not Done("s1").has(job)
    os.utime(job.out, ns=(later, later))
    assert Done("s1").has(job)
    job.source.write_bytes(b"another length")
    os.utime(job.source, ns=(0, 0))
    assert not Done("s1").has(job)


def test_a_damaged_note_means_not_done(tmp_path: Path) -> None:
    job = Job(touch(tmp_path / "a.wav"), touch(tmp_path / "a.csv"))
    Done("s").add(job)
    (tmp_path / ".pmmlink-bake.json").write_text("{half")
    assert not Done("s").has(job)


def test_the_fingerprint_follows_every_setting_that_changes_the_result(tmp_path: Path) -> None:
    weights = touch(tmp_path / "w.safetensors")
    base = {"fps": Fraction(30), "profile": Profile(), "style": "default", "weights": weights}
    rest = {"threads": 1, "subject": "a"}
    one = Settings(**base, **rest).fingerprint()
    assert Settings(**base, threads=4, subject="b").fingerprint() == one
    for key, value in (
        ("fps", Fraction(60)),
        ("profile", Profile(curves={"jawOpen": CurveSetting(gain=2.0)})),
        ("style", "x"),
    ):
        assert Settings(**{**base, key: value}, **rest).fingerprint() != one
    weights.write_bytes(b"y")
    assert Settings(**base, **rest).fingerprint() != one
    with pytest.raises(ConfigError, match="cannot be read"):
        Settings(**{**base, "weights": tmp_path / "none"}, **rest).fingerprint()


def test_a_style_fitted_anew_under_the_same_name_is_another_setting(tmp_path: Path) -> None:
    weights, anna = touch(tmp_path / "w.safetensors"), touch(tmp_path / "anna.json")
    for style in (f"{anna}", f"{anna}:0.7,default:0.3", f"default, {anna}:2"):
        settings = Settings(Fraction(30), Profile(), style, weights, 1, "a")
        one = settings.fingerprint()
        anna.write_bytes(anna.read_bytes() + b"y")
        assert settings.fingerprint() != one, style
    anna.unlink()
    with pytest.raises(ConfigError, match=r"--style .*anna\.json: cannot be read"):
        settings.fingerprint()


def test_the_default_weights_are_the_shipped_ones() -> None:
    assert default_weights().resolve() == SHIPPED
