"""``pmmlink calibrate`` finds what an actor was made with again, and refuses what is no take."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from pmmlink.curves import LIVELINK_61
from pmmlink.resources import default_weights, sample_speech
from pmmlink.retarget import CurveSetting, Profile, Retargeter, TimeShift, load_profile
from pmmlink.wire import csv

TRUTH = Profile(
    curves={
        "jawOpen": CurveSetting(gain=1.4, offset=-0.03),
        "mouthPucker": CurveSetting(gain=0.7, offset=0.05),
        "mouthFunnel": CurveSetting(gain=1.6),
    },
    delay_ms=80.0,
)


def write_take(path: Path, rows: np.ndarray, fps: int = 30) -> Path:
    """``[T, 61]`` as the app writes it, at one in the morning."""
    lines = [csv.row(3600 + Fraction(i, fps), row.astype(np.float32)) for i, row in enumerate(rows)]
    path.write_text(csv.header() + "".join(lines), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def actor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A synthetic actor's take of the sample speech, with a tracker's noise."""
    if not default_weights().is_file():
        pytest.skip("needs the shipped weights")
    from pmmlink.model.animator import load_animator
    from pmmlink.runtime.calibrate import predict, read_sound

    predicted = predict(load_animator(), read_sound(sample_speech()))
    shift = TimeShift(TRUTH.delay_ms / 1e3, Fraction(30), 32)
    face = Retargeter(TRUTH).apply(np.concatenate([shift.push(predicted), shift.flush()]))
    face = np.clip(face + np.random.default_rng(0).normal(0, 0.01, face.shape), 0, 1)
    return write_take(tmp_path_factory.mktemp("actor") / "take.csv", face)


def test_a_synthetic_actor_is_recovered_from_the_sample_speech(
    pmmlink: Callable[..., object], actor: Path
) -> None:
    ended = pmmlink("calibrate", actor, "--audio", sample_speech(), "-o", "anna.yaml")
    assert ended.code == 0, ended.err
    profile = load_profile(Path("anna.yaml"))
    assert profile.delay_ms == pytest.approx(80.0, abs=1000 / 30)
    for curve, setting in TRUTH.curves.items():
        assert profile.setting(curve).gain == pytest.approx(setting.gain, rel=0.05), curve
        assert profile.setting(curve).offset == pytest.approx(setting.offset, abs=0.02), curve
    assert "mean absolute error" in ended.out
    assert "kept: mouthClose: follows jawOpen" in ended.out


@pytest.fixture(scope="module")
def speakers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The sample speech as the last stored style and as the default speak it, with a tracker's noise."""
    if not default_weights().is_file():
        pytest.skip("needs the shipped weights")
    from pmmlink.model.animator import Animator, load_animator
    from pmmlink.runtime.calibrate import predict, read_sound

    model = load_animator().model
    if len(model.config.styles) < 2:
        pytest.skip("the weights know one style only")
    takes = []
    for style in (model.config.styles[-1], "default"):
        face = Retargeter(Profile()).apply(predict(Animator(model, style), read_sound(sample_speech())))
        face = np.clip(face + np.random.default_rng(0).normal(0, 0.005, face.shape), 0, 1)
        takes.append(write_take(tmp_path_factory.mktemp("speaker") / "take.csv", face))
    return takes[0], takes[1]


@pytest.mark.slow
def test_the_style_is_fitted_and_usable_and_a_plot_is_drawn(
    pmmlink: Callable[..., object], speakers: tuple[Path, Path]
) -> None:
    pytest.importorskip("matplotlib")
    flags = ["--fit-style", "anna.json", "--plot", "anna.png"]
    ended = pmmlink("calibrate", speakers[0], "--audio", sample_speech(), "-o", "anna.yaml", *flags)
    assert ended.code == 0, ended.err
    for figures in ("style fitted, error ", "on the held-out quarter "):
        before, after = ended.out.replace("\n", " ").split(figures)[1].split()[0:3:2]
        assert float(after.rstrip(";")) < float(before)
    assert Path("anna.png").read_bytes().startswith(b"\x89PNG")
    style = ["--style", "anna.json:0.8,default:0.2", "--profile", "anna.yaml"]
    assert pmmlink("bake", sample_speech(), "-o", "out.csv", *style).code == 0


@pytest.mark.slow
def test_a_style_that_helps_nowhere_else_is_not_written(
    pmmlink: Callable[..., object], speakers: tuple[Path, Path]
) -> None:
    """The last quarter is spoken in the style begun from: a style for the others can only be worse there."""
    other, default = (path.read_text(encoding="utf-8").splitlines() for path in speakers)
    last = 1 + 3 * (len(other) - 1) // 4
    Path("take.csv").write_text("\n".join(other[:last] + default[last:]) + "\n", encoding="utf-8")
    ended = pmmlink(
        *("calibrate", "take.csv", "--audio", sample_speech(), "-o", "anna.yaml", "--fit-style", "anna.json")
    )
    assert ended.code == 0, ended.err
    assert "style default kept, anna.json not written" in ended.out
    assert not Path("anna.json").exists()
    assert "--style anna.json" not in ended.out + Path("anna.yaml").read_text(encoding="utf-8")


def test_a_resting_face_becomes_the_neutral_of_the_profile(pmmlink: Callable[..., object]) -> None:
    face = np.zeros((60, 61), np.float32)
    face[:, LIVELINK_61.index("mouthPressLeft")] = 0.12
    face[:, LIVELINK_61.index("mouthClose")] = 0.05
    write_take(Path("rest.csv"), face)
    ended = pmmlink("calibrate", "--neutral", "rest.csv", "-o", "anna.yaml")
    assert ended.code == 0, ended.err
    assert "takes off mouthPressLeft 0.12" in ended.out
    assert load_profile(Path("anna.yaml")).neutral == {"mouthPressLeft": 0.12}


def frames(count: int, **values: float) -> np.ndarray:
    rows = np.zeros((count, 61), np.float32)
    for name, value in values.items():
        rows[:, LIVELINK_61.index(name)] = value
    return rows


SHORT = frames(90)
SHORT[::9] = 0.5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "take.csv:1: does not begin with Timecode"),
        (csv.header(), "take.csv: 0 frames"),
        ("\x00\x01\x02", "take.csv:1: "),
        (csv.header() + csv.row(Fraction(0), frames(1)[0]) * 2, "frame 1 is not later than the one before"),
        (
            csv.header() + csv.row(Fraction(0), frames(1)[0]) + csv.row(Fraction(9), frames(1)[0]),
            "9.0 s without a frame after frame 0",
        ),
        (
            csv.header()
            + "".join(csv.row(Fraction(i, 30), r) for i, r in enumerate(frames(90, jawOpen=57.0))),
            "frame 0: jawOpen is 57, which is no blendshape value",
        ),
        (
            csv.header() + "".join(csv.row(Fraction(i, 30), r) for i, r in enumerate(SHORT)),
            "3.0 s of face, but",
        ),
        (
            csv.header() + "".join(csv.row(Fraction(i, 30), r) for i, r in enumerate(frames(417))),
            "take.csv: the recorded face does not move",
        ),
        (csv.header().replace("JawOpen", "JawOpne"), "'JawOpne', which is no Live Link Face curve"),
    ],
)
def test_a_hostile_or_empty_take_is_refused_with_the_reason(
    pmmlink: Callable[..., object], text: str, message: str, weights: Path
) -> None:
    Path("take.csv").write_text(text, encoding="utf-8")
    flags = ["--audio", sample_speech(), "-o", "out.yaml", "--weights", weights]
    ended = pmmlink("calibrate", "take.csv", *flags)
    assert ended.code == 2
    assert message in ended.err
    assert ended.err.count("\n") == 1
    assert not Path("out.yaml").exists()


def test_flags_that_do_not_go_together_are_refused(pmmlink: Callable[..., object]) -> None:
    for args, message in (
        (["-o", "a.yaml"], "name a take with its sound"),
        (["take.csv", "-o", "a.yaml"], "a take needs its sound"),
        (["--neutral", "n.csv", "--plot", "p.png", "-o", "a.yaml"], "need a take"),
        (["--neutral", "n.csv", "-o", "a.txt"], "a.txt: must end in .yaml or .yml"),
        (["--neutral", "n.csv", "-o", "no/a.yaml"], "the folder no does not exist"),
        (["--neutral", "n.csv", "-o", "a.yaml"], "n.csv: cannot be read"),
        (["t.csv", "--audio", "t.wav", "-o", "a.yaml", "--plot", "no/p.png"], "the folder no does not exist"),
        (["t.csv", "--audio", "t.wav", "-o", "a.yaml", "--plot", "p.gif"], "p.gif: must end in .png"),
    ):
        ended = pmmlink("calibrate", *args)
        assert ended.code == 2
        assert message in ended.err.replace("\\", "/")
