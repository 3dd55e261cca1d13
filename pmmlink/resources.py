"""Where the files shipped inside the package are found, wherever it was installed."""

from __future__ import annotations

from pathlib import Path

from pmmlink.errors import InputError

ASSETS = Path(__file__).parent / "assets"


def sample_speech() -> Path:
    """The sample recording that ``pmmlink play --sample`` plays.

    Raises:
        InputError: the installation lacks it.
    """
    for suffix in (".flac", ".ogg", ".opus", ".wav", ".mp3"):
        path = ASSETS / f"sample{suffix}"
        if path.is_file():
            return path
    raise InputError(f"the sample speech is missing from {ASSETS}; install pmmlink again")


def default_profile() -> Path:
    """The calibration profile that is used when none is named."""
    return ASSETS / "default_profile.yaml"


def default_weights() -> Path:
    """The model weights that are used when none are named."""
    return ASSETS / "compact.safetensors"


def shipped_profiles() -> dict[str, Path]:
    """The calibration profiles inside the package, by name, the default first."""
    return _named("_profile.yaml")


def shipped_rigs() -> dict[str, Path]:
    """The rigs inside the package that a profile may name."""
    return _named("_rig.yaml")


def _named(ending: str) -> dict[str, Path]:
    paths = {path.name.removesuffix(ending): path for path in ASSETS.glob(f"*{ending}")}
    return dict(sorted(paths.items(), key=lambda item: (item[0] != "default", item[0])))
