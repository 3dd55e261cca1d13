"""``pmmlink data check`` on takes: everything is read, everything wrong is named, nothing stops it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile
from takes import make_takes, make_vocaset, sound, write_csv

Run = Callable[..., object]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_takes(tmp_path_factory.mktemp("sets") / "takes")


def _flat(text: str) -> str:
    return " ".join(text.split())


def test_good_takes_are_counted_and_lost_frames_noted(made: Path, pmmlink: Callable) -> None:  # type: ignore[type-arg]
    done = pmmlink("data", "check", made)
    assert done.code == 0, done.err
    said = _flat(done.out)
    assert "Live Link Face takes, 32 outputs" in said
    assert "│ cora │ female │ en │ 2 │" in said
    assert "note: bert/take_2: 18 of 120 frames missing in 2 places" in said
    assert "6 good takes, 1 notes, 0 problems" in said
    assert "anna: never move: jawForward, jawLeft, jawRight," in said


def test_bad_takes_are_named_one_by_one_and_do_not_stop_the_rest(
    made: Path,
    tmp_path: Path,
    pmmlink: Callable,  # type: ignore[type-arg]
) -> None:
    pytest.importorskip("matplotlib")
    takes = Path(shutil.copytree(made, tmp_path / "takes"))
    (takes / "anna" / "take_1.wav").unlink()
    (takes / "cora" / "take_1.csv").unlink()
    write_csv(takes / "anna" / "take_3.csv", 0.4)
    soundfile.write(takes / "anna" / "take_3.wav", sound(0.4, 16_000), 16_000)
    (takes / "anna" / "take_2.csv").write_text("Timecode,BlendshapeCount,JawOpen\n", encoding="utf-8")
    done = pmmlink("data", "check", takes, "--plots", tmp_path / "plots", "--most", 50)
    assert done.code == 2
    assert done.err.strip().splitlines()[-1].endswith("takes: 4 takes or files cannot be used, see above")
    assert "Traceback" not in done.err
    said = _flat(done.out)
    for words in (
        "take_1.csv: no sound beside it",
        "take_1.flac: no take beside it",
        "take_3.csv: 0.40 s: too short",
        "take_2.csv: 0 frames",
        "3 good takes, 1 notes, 4 problems",
    ):
        assert words in said
    pictures = sorted(path.name for path in (tmp_path / "plots").iterdir())
    assert pictures == ["bert__take_1.png", "bert__take_2.png", "cora__take_2.png"]
    assert (tmp_path / "plots" / pictures[0]).read_bytes().startswith(b"\x89PNG")


def test_vocaset_is_checked_and_drawn(tmp_path: Path, pmmlink: Callable) -> None:  # type: ignore[type-arg]
    pytest.importorskip("matplotlib")
    root = make_vocaset(tmp_path / "vocaset", ["someone"])
    (root / "audio" / "someone_sentence02.wav").unlink()
    (root / "vertices_npy" / "someone_sentence02.npy").unlink()
    done = pmmlink("data", "check", root, "--plots", tmp_path / "plots")
    assert done.code == 0, done.err
    assert "VOCASET, 120 outputs" in done.out
    assert [path.name for path in (tmp_path / "plots").iterdir()] == ["someone_sentence01.png"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only", "anna"], "--only is for a corpus"),
        (["--plots", "subjects.yaml/x"], "cannot make the folder"),
    ],
)
def test_flags_that_do_not_fit_are_refused(
    made: Path,
    arguments: list[str],
    said: str,
    pmmlink: Callable,  # type: ignore[type-arg]
) -> None:
    (Path.cwd() / "subjects.yaml").write_text("", encoding="utf-8")
    done = pmmlink("data", "check", made, *arguments)
    assert done.code in (1, 2)
    assert said in done.err


def test_an_empty_folder_and_a_wrong_one_are_clear_errors(tmp_path: Path, pmmlink: Callable) -> None:  # type: ignore[type-arg]
    (tmp_path / "empty").mkdir()
    done = pmmlink("data", "check", tmp_path / "empty")
    assert done.code == 2
    assert "no corpus here" in done.err
    (tmp_path / "empty" / "notes.txt").write_text("x", encoding="utf-8")
    done = pmmlink("data", "check", tmp_path / "empty")
    assert done.code == 2
    assert "no data set here" in done.err
