"""Lessons: phones read from what listeners heard, by a network that was not taught on the clip itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pmmlink.errors import DataError
from pmmlink.phones import PHONE_INDEX, PHONES
from pmmlink.train import teacher_phones, teachers
from pmmlink.train.corpus.base import Segment
from pmmlink.train.corpus.reader import Clip
from pmmlink.train.phone_tokens import IGNORE, phone_tokens
from pmmlink.types import FloatArray


def make_clip(folder: Path, number: int) -> Clip:
    rng = np.random.default_rng(number)
    names = rng.choice(["P", "AA", "N", "S"], 12)
    phones = tuple(Segment(str(name), 0.1 * i, 0.1 * i + 0.1) for i, name in enumerate(names))
    return Clip(
        id=f"c{number}",
        source=folder.name,
        speaker=f"s{number}",
        sex=None,
        age=None,
        language="en",
        split="train",
        audio=folder / "audio" / f"c{number}.flac",
        samples=19_200,
        text="",
        phones=phones,
        labels=None,
        style="default",
        align_score=None,
        aligner=None,
        dropped=False,
        licence="made by a test",
    )


def vectors_of(clip: Clip) -> FloatArray:
    """800 numbers a token: noise, and a faint trace of the phone."""
    rng = np.random.default_rng(int(clip.id[1:]) + 1000)
    traces = np.random.default_rng(1).standard_normal((len(PHONES), 800))
    classes = phone_tokens(clip, 60)
    out: FloatArray = (0.3 * traces[classes] + rng.standard_normal((60, 800))).astype(np.float32)
    return out


@pytest.fixture
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teacher_phones, "_STEPS", 60)
    monkeypatch.setattr(teacher_phones, "_CROP", 60)


@pytest.mark.usefixtures("few_steps")
def test_lessons_hold_the_phones_of_clips_that_their_reader_never_saw(tmp_path: Path) -> None:
    clips = [make_clip(tmp_path / "voices", number) for number in range(60)]
    for clip in clips:
        teachers._save(teachers.heard_path(clip), vectors_of(clip))
    teachers.write_lessons(tmp_path, clips, lambda _: None)
    right = total = 0
    for clip in clips:
        lesson = teachers.load_lesson(clip)
        assert lesson is not None
        assert lesson.shape == (60, teachers.TEACHER_WIDTH)
        log_p = lesson[:, teachers.FEATURES :]
        np.testing.assert_allclose(np.exp(log_p).sum(1), 1.0, atol=0.02)
        right += int((log_p.argmax(1) == phone_tokens(clip, 60)).sum())
        total += 60
    assert right / total > 0.9


@pytest.mark.usefixtures("few_steps")
def test_a_run_that_goes_on_reads_with_the_readers_of_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = [make_clip(tmp_path / "voices", number) for number in range(20)]
    for clip in clips:
        teachers._save(teachers.heard_path(clip), vectors_of(clip))
    teachers.write_lessons(tmp_path, clips[:16], lambda _: None)
    first = teachers.load_lesson(clips[0])
    assert first is not None
    teachers.lesson_path(clips[0]).unlink()
    monkeypatch.setattr(teachers, "teach", lambda *_: pytest.fail("taught again"))
    teachers.write_lessons(tmp_path, clips, lambda _: None)
    again = teachers.load_lesson(clips[0])
    assert again is not None
    np.testing.assert_allclose(again, first, atol=1e-3)
    assert all(teachers.load_lesson(clip) is not None for clip in clips)


def test_a_damaged_reader_is_named(tmp_path: Path) -> None:
    (tmp_path / "reader_0.safetensors").write_bytes(b"not a reader")
    with pytest.raises(DataError, match=r"reader_0\.safetensors: unreadable; delete it"):
        teachers.write_lessons(tmp_path, [], lambda _: None)


def test_halves_are_about_even_and_do_not_depend_on_the_run() -> None:
    folds = [teacher_phones.fold_of(make_clip(Path("voices"), number)) for number in range(200)]
    assert 70 < sum(folds) < 130
    assert folds[:8] == [teacher_phones.fold_of(make_clip(Path("voices"), number)) for number in range(8)]


def test_tokens_without_a_phone_have_no_class() -> None:
    clip = make_clip(Path("voices"), 1)
    classes = phone_tokens(clip, 70)
    assert clip.phones
    assert classes[0] == PHONE_INDEX[clip.phones[0].phone]
    assert (classes[60:] == IGNORE).all()


def test_a_clip_that_nobody_heard_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="c3"):
        teachers.heard(make_clip(tmp_path / "voices", 3))


def test_a_damaged_lesson_is_named(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "voices", 3)
    assert teachers.load_lesson(clip) is None
    teachers.lesson_path(clip).parent.mkdir(parents=True)
    teachers.lesson_path(clip).write_bytes(b"not numpy")
    with pytest.raises(DataError, match=r"c3\.npy"):
        teachers.load_lesson(clip)
