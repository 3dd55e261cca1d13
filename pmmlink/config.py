"""Settings: one table for the command line's flags and for ``pmmlink.yaml``.

Flags beat the file, the file beats the defaults. The file is ``--config PATH``, else the nearest
``pmmlink.yaml`` from the working directory upward. It holds the same keys as the flags, without the dashes
in front. To add a setting, add one line to :class:`Config`.
"""

# ruff: noqa: RUF009 - _key() is dataclasses.field()
from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from fractions import Fraction
from pathlib import Path
from typing import Any

from pmmlink.errors import ConfigError
from pmmlink.strict_yaml import read_mapping

FILE_NAME = "pmmlink.yaml"
DEFAULT_TARGET = "osc://127.0.0.1:8000"

Parser = Callable[[object], Any]
"""Turns a flag's text or a YAML value into the setting; raises ValueError saying what is expected."""


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("expected text")
    return value


def _texts(value: object) -> tuple[str, ...]:
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, (list, tuple)):
        raise ValueError("expected a list of texts")
    return tuple(_text(item) for item in items)


def _path(value: object) -> Path:
    if isinstance(value, Path):
        return value
    return Path(_text(value)).expanduser()


def _switch(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("expected true or false")
    return value


def _number(low: float, high: float) -> Parser:
    def parse(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
            raise ValueError(f"expected a number from {low:g} to {high:g}")
        return float(value)

    return parse


def _count(low: int, high: int) -> Parser:
    def parse(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"expected a whole number from {low} to {high}")
        return value

    return parse


def _one_of(*choices: str) -> Parser:
    def parse(value: object) -> str:
        if str(value) not in choices:
            raise ValueError(f"expected {' or '.join(choices)}")
        return str(value)

    return parse


def _gain(value: object) -> float | None:
    if value == "auto":
        return None
    try:
        gain_db = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        gain_db = math.nan
    if isinstance(value, bool) or not -40 <= gain_db <= 40:
        raise ValueError("expected auto or a number of dB from -40 to 40")
    return gain_db


def _frame_rate(value: object) -> Fraction:
    expected = "expected a frame rate from 1 to 240, like 60, 29.97 or 30000/1001"
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(expected)
    try:
        rate = Fraction(str(value).strip())
    except (ValueError, ZeroDivisionError):
        raise ValueError(expected) from None
    if not 1 <= rate <= 240 or rate.denominator > 10_000:
        raise ValueError(expected)
    return rate


def _key(default: Any, parse: Parser, text: str) -> Any:
    return field(default=default, metadata={"parse": parse, "help": text})


@dataclass(frozen=True, slots=True)
class Config:
    """Every setting, checked. ``file`` is the configuration file that was read, if any."""

    to: tuple[str, ...] = _key((), _texts, f"Where frames go: target URLs. None given: {DEFAULT_TARGET}.")
    subject: str = _key("pmmlink", _text, "Name of the face, as Unreal lists it.")
    fps: Fraction = _key(Fraction(30), _frame_rate, "Frame rate of the curves.")
    profile: Path | None = _key(None, _path, "Calibration profile: a YAML file or a shipped name.")
    intensity: float = _key(1.0, _number(0, 3), "How much of everything; multiplies the profile's own.")
    style: str = _key("default", _text, "Speaking style: a stored one, a blend a:0.7,b:0.3, or a file.")
    weights: Path | None = _key(None, _path, "Model weights (.safetensors); the shipped ones if not given.")
    threads: int = _key(1, _count(1, 64), "CPU threads of the model.")
    audio: bool = _key(True, _switch, "Play the sound.")
    delay_ms: float = _key(
        0.0, _number(-1000, 5000), "Send frames this much later than their sound is heard."
    )
    speed: str = _key("1", _one_of("1", "max"), "1: as the sound is heard; max: as fast as possible, silent.")
    jobs: int = _key(1, _count(1, 256), "Files baked at the same time, each in its own process.")
    latency: str = _key(
        "balanced", _one_of("low", "balanced", "quality"), "Live: sound worked on at once: 5, 10 or 20 ms."
    )
    pace: str = _key(
        "speech",
        _one_of("speech", "arrival"),
        "Live --stdin: show sound as it would be heard, or at once as it arrives.",
    )
    rate: int = _key(16_000, _count(8000, 192_000), "Live --stdin, --ws: sample rate of the sound.")
    format: str = _key("s16le", _one_of("s16le", "f32le"), "Live --stdin: kind of samples.")
    gate: bool = _key(True, _switch, "Live: let only voices move the mouth, not breath or keys.")
    gain: float | None = _key(0.0, _gain, "Live: microphone gain in dB, or auto.")
    idle: bool = _key(False, _switch, "Live: blinks, gaze and small motion of the head.")
    seed: int = _key(0, _count(0, 2**31 - 1), "Live: seed of the idle motion.")
    smooth: bool = _key(False, _switch, "Live: One-Euro smoothing of the curves.")
    file: Path | None = None

    @classmethod
    def load(
        cls, flags: Mapping[str, object], config: Path | None = None, start: Path | None = None
    ) -> Config:
        """Merge flags, file and defaults.

        Args:
            flags: values given on the command line by key (``delay_ms``); None or an empty list: not given.
            config: the file to read; None searches for one.
            start: folder where the search starts, default the working directory.

        Raises:
            ConfigError: naming the flag, or the file and line with the nearest valid key.
        """
        parsers = {f.name: f.metadata["parse"] for f in fields(cls) if "parse" in f.metadata}
        path = config if config is not None else find_file(start or Path.cwd())
        values = _read(path, parsers) if path is not None else {}
        for name, value in flags.items():
            if value is None or value == []:
                continue
            try:
                values[name] = parsers[name](value)
            except ValueError as fault:
                raise ConfigError(f"--{_spelling(name)} {value}: {fault}") from None
        return cls(**values, file=path)


def find_file(start: Path) -> Path | None:
    """The nearest ``pmmlink.yaml`` in ``start`` or a folder above it."""
    here = Path(os.path.abspath(start))
    for folder in (here, *here.parents):
        if (folder / FILE_NAME).is_file():
            return folder / FILE_NAME
    return None


def help_of(name: str) -> str:
    """The one-line help of a setting, for the flag of the same name."""
    (found,) = (f for f in fields(Config) if f.name == name)
    return str(found.metadata["help"])


def _spelling(name: str) -> str:
    return name.replace("_", "-")


def _read(path: Path, parsers: Mapping[str, Parser]) -> dict[str, Any]:
    root = read_mapping(path, ConfigError)
    by_spelling = {_spelling(name): name for name in parsers}
    root.allow_only(by_spelling, "key")
    values: dict[str, Any] = {}
    for key, entry in root:
        name = by_spelling[key]
        if entry.value is None:  # `weights:` with nothing behind it keeps the default
            continue
        try:
            value = parsers[name](entry.value)
        except ValueError as fault:
            root.fail(entry.line, f"{key}: {fault}, not {entry.value!r}")
        if isinstance(value, Path):
            # A path in the file belongs to the file's folder, not to where the command happens to run.
            value = path.parent / value
        values[name] = value
    return values
