"""Flags beat the file, the file beats the defaults, and nothing misspelt passes."""

from __future__ import annotations

from dataclasses import fields
from fractions import Fraction
from pathlib import Path

import pytest

from pmmlink.config import Config, find_file, help_of
from pmmlink.errors import ConfigError
from pmmlink.strict_yaml import read_mapping

ROOT = Path(__file__).parents[1]


def write(folder: Path, text: str) -> Path:
    path = folder / "pmmlink.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_flags_beat_the_file_and_the_file_beats_the_defaults(tmp_path: Path) -> None:
    path = write(tmp_path, "fps: 60\nsubject: Anna\ndelay-ms: -20\n")
    config = Config.load({"subject": "Ben", "fps": None, "to": []}, start=tmp_path)
    assert (config.subject, config.fps, config.delay_ms, config.style) == (
        "Ben",
        Fraction(60),
        -20.0,
        "default",
    )
    assert config.file == path


def test_the_file_is_found_from_a_folder_below(tmp_path: Path) -> None:
    path = write(tmp_path, "fps: 24")
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert find_file(below) == path


def test_a_named_file_is_read_instead_of_the_nearest(tmp_path: Path) -> None:
    write(tmp_path, "fps: 24")
    other = tmp_path / "other.yaml"
    other.write_text("fps: 48")
    assert Config.load({}, config=other, start=tmp_path).fps == 48


def test_a_named_file_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: no such file"):
        Config.load({}, config=tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fps: 30\nsubjet: A", r"pmmlink\.yaml:2: unknown key 'subjet'; did you mean 'subject'\?"),
        ("# note\n\ndelay_ms: 3", r":3: unknown key 'delay_ms'; did you mean 'delay-ms'\?"),
        ("xyzzyqqq: 1", r":1: unknown key 'xyzzyqqq'; no valid name is near it"),
        ("fps: 60\nfps: 30", r":2: key 'fps' appears twice \(first on line 1\)"),
        ("fps: fast", r":1: fps: expected a frame rate from 1 to 240.*not 'fast'"),
        ("fps: 0", r":1: fps: expected"),
        ("fps: 1/0", r":1: fps: expected"),
        ("audio: 1", r":1: audio: expected true or false"),
        ("threads: 2.5", r":1: threads: expected a whole number"),
        ("threads: true", r":1: threads: expected a whole number"),
        ("delay-ms: .nan", r":1: delay-ms: expected a number from -1000 to 5000"),
        ("speed: 2", r":1: speed: expected 1 or max"),
        ("to: [3]", r":1: to: expected text"),
        ("subject: ''", r":1: subject: expected text"),
        ("weights: {a: 1}", r":1: weights: expected text"),
        ("- fps", r":1: expected 'key: value' lines"),
        ("fps: [30", r"pmmlink\.yaml:1: not valid YAML"),
        ("1: 2", r":1: key 1 must be a name"),
        ("subject: 2024-99-99", r"not valid YAML"),
    ],
)
def test_a_bad_line_is_named_with_file_line_and_remedy(tmp_path: Path, text: str, message: str) -> None:
    write(tmp_path, text)
    with pytest.raises(ConfigError, match=message) as caught:
        Config.load({}, start=tmp_path)
    assert "\n" not in str(caught.value)


def test_a_bad_flag_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"--delay-ms 9999\.0: expected a number from -1000 to 5000"):
        Config.load({"delay_ms": 9999.0}, start=tmp_path)


def test_text_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pmmlink.yaml").write_bytes("subject: Jörg".encode("latin-1"))
    with pytest.raises(ConfigError, match="not UTF-8"):
        Config.load({}, start=tmp_path)


def test_a_byte_order_mark_and_an_empty_file_are_fine(tmp_path: Path) -> None:
    (tmp_path / "pmmlink.yaml").write_bytes(b"\xef\xbb\xbffps: 60\r\n")
    assert Config.load({}, start=tmp_path).fps == 60
    write(tmp_path, "# nothing set\n")
    assert Config.load({}, start=tmp_path).fps == 30


def test_paths_in_the_file_belong_to_its_folder(tmp_path: Path) -> None:
    write(tmp_path, "profile: faces/anna.yaml\n")
    below = tmp_path / "below"
    below.mkdir()
    assert Config.load({}, start=below).profile == tmp_path / "faces" / "anna.yaml"


@pytest.mark.parametrize(
    ("given", "rate"),
    [(60, Fraction(60)), (29.97, Fraction(2997, 100)), ("30000/1001", Fraction(30000, 1001))],
)
def test_frame_rates_are_exact(tmp_path: Path, given: object, rate: Fraction) -> None:
    write(tmp_path, f"fps: {given}")
    assert Config.load({}, start=tmp_path).fps == rate


def test_the_shipped_file_sets_every_key_to_its_default_with_a_comment_above() -> None:
    text = (ROOT / "pmmlink.yaml").read_text(encoding="utf-8").splitlines()
    shipped = Config.load({}, config=ROOT / "pmmlink.yaml")
    written = read_mapping(ROOT / "pmmlink.yaml", ConfigError).entries
    keys = [f.name for f in fields(Config) if f.metadata]
    assert list(written) == [key.replace("_", "-") for key in keys]
    for key in keys:
        assert getattr(shipped, key) == getattr(Config(), key)
        assert text[written[key.replace("_", "-")].line - 2].startswith("#")
        assert help_of(key)
