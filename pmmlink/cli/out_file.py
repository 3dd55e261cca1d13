"""Refuses, before any work is done, a file that could not be written in the end."""

from __future__ import annotations

from pathlib import Path

from pmmlink.errors import ConfigError


def check_out(path: Path, *endings: str) -> None:
    """Checks where a user wants a result.

    Args:
        path: the file to be written.
        endings: what it may end in, in small letters.

    Raises:
        ConfigError: another ending, or a folder that does not exist.
    """
    if path.suffix.lower() not in endings:
        raise ConfigError(f"{path}: must end in {' or '.join(endings)}")
    if not path.parent.is_dir():
        raise ConfigError(f"{path}: the folder {path.parent} does not exist; create it first")
