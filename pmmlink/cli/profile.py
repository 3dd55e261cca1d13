"""``pmmlink profile``: look at calibration profiles, check and compare them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pmmlink.retarget import CurveSetting, Profile

app = typer.Typer(help="Calibration profiles: list, show, check, compare.", no_args_is_help=True)

_Name = Annotated[Path, typer.Argument(metavar="PROFILE", help="A YAML file or a shipped name.")]
_FIELDS = ("intensity", "symmetric", "mirror", "tie_lips", "delay_ms")


@app.command("list")
def list_profiles() -> None:
    """List the shipped profiles and rigs."""
    from pmmlink.cli.progress import make_console
    from pmmlink.resources import shipped_profiles, shipped_rigs
    from pmmlink.retarget.rig_file import shipped_rig

    console = make_console()
    for name, path in shipped_profiles().items():
        about = path.read_text(encoding="utf-8").splitlines()[0].lstrip("# ")
        console.print(f"{name:10}  {about}")
    rigs = (f"{name} ({len(shipped_rig(name).mix)} curves)" for name in shipped_rigs())
    console.print(f"rigs a profile may name: arkit, {', '.join(rigs)}")


@app.command()
def show(profile: _Name = Path("default")) -> None:
    """Show what a profile does, every setting that is not the default."""
    from pmmlink.cli.progress import make_console
    from pmmlink.retarget import load_profile

    console = make_console()
    character = load_profile(profile)
    console.print(f"{character.name}  {character.path}")
    lines = _lines(character)
    for key, value in lines.items():
        console.print(f"  {key:24} {value}")
    if not lines:
        console.print("  changes nothing; mouthClose follows jawOpen")


@app.command()
def check(
    profiles: Annotated[list[Path], typer.Argument(metavar="PROFILE...", help="Files or shipped names.")],
) -> None:
    """Check profiles; every bad one is named with file, line and remedy, and the exit code is 2."""
    from pmmlink.cli.progress import make_console
    from pmmlink.errors import ProfileError
    from pmmlink.retarget import load_profile

    console = make_console()
    bad = False
    for path in profiles:
        try:
            character = load_profile(path)
        except ProfileError as error:
            console.print(str(error))
            bad = True
        else:
            console.print(f"{path}: good, {len(_lines(character))} settings differ from the default")
    if bad:
        raise typer.Exit(2)


@app.command()
def diff(one: _Name, other: _Name) -> None:
    """Show where two profiles differ; exit code 1 when they do."""
    from pmmlink.cli.progress import make_console
    from pmmlink.retarget import load_profile

    console = make_console()
    first, second = _lines(load_profile(one)), _lines(load_profile(other))
    keys = [key for key in {**first, **second} if first.get(key) != second.get(key)]
    for key in keys:
        console.print(f"{key:24} {first.get(key, 'default'):28} -> {second.get(key, 'default')}")
    if not keys:
        console.print("the same in every setting")
        return
    raise typer.Exit(1)


def _lines(profile: Profile) -> dict[str, str]:
    """Setting → text, for everything that is not the default."""
    from pmmlink.retarget import Profile

    plain = Profile()
    lines = {
        key: str(getattr(profile, key)) for key in _FIELDS if getattr(profile, key) != getattr(plain, key)
    }
    if profile.rig is not None:
        lines["rig"] = f"{profile.rig.name}: {len(profile.rig.mix)} curves"
        if profile.rig.name == "custom":
            for target, parts in profile.rig:
                lines[f"rig {target}"] = ", ".join(f"{weight:g} {curve}" for curve, weight in parts.items())
    for group, smoothing in profile.smoothing.items():
        lines[f"smoothing {group}"] = f"{smoothing.min_cutoff_hz:g} Hz, beta {smoothing.beta:g}"
    for curve, value in profile.neutral.items():
        lines[f"neutral {curve}"] = f"{value:g}"
    for curve, setting in profile.curves.items():
        lines[curve] = _setting_text(setting)
    return lines


def _setting_text(setting: CurveSetting) -> str:
    from pmmlink.retarget import CurveSetting

    if setting.mute:
        return "muted"
    plain = CurveSetting()
    names = {"gain": "gain", "offset": "offset", "exponent": "exponent", "minimum": "min", "maximum": "max"}
    given = ((label, getattr(setting, key), getattr(plain, key)) for key, label in names.items())
    return ", ".join(f"{label} {value:g}" for label, value, default in given if value != default)
