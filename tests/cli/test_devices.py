"""``pmmlink devices`` on the machine as it is, and on one without PortAudio or without devices."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

# What a machine without the library looks like to sounddevice.
WITHOUT_PORTAUDIO = "import ctypes.util; ctypes.util.find_library = lambda name: None; "


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def command(*arguments: str, before: str = "") -> subprocess.CompletedProcess[str]:
    argv = ["pmmlink", *arguments]
    return run(f"{before}import sys; sys.argv = {argv!r}; from pmmlink.cli.app import main; main()")


def test_devices_are_listed_or_one_line_says_that_there_are_none() -> None:
    shown, listed = command("devices"), command("devices", "--json")
    if shown.returncode == 1:
        assert shown.stderr.strip().splitlines()[-1].startswith("pmmlink: PortAudio")
        return
    assert shown.returncode == listed.returncode == 0
    found = json.loads(listed.stdout)
    if not found:
        assert shown.stdout.splitlines() == [
            "no sound devices: pmmlink play, bake and live --stdin work without one"
        ]
        return
    assert [device["index"] for device in found] == list(range(len(found)))
    for device in found:
        assert device["inputs"] or device["outputs"]
        assert device["name"] in shown.stdout
        assert device["host_api"] in shown.stdout
    assert sum(device["is_default_input"] for device in found) <= 1
    assert sum(device["is_default_output"] for device in found) <= 1


@pytest.mark.skipif(sys.platform != "linux", reason="the wheels for Windows and macOS bring PortAudio along")
def test_without_portaudio_one_line_says_how_to_get_it() -> None:
    ended = command("devices", before=WITHOUT_PORTAUDIO)
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr == (
        "pmmlink: PortAudio is not installed (Debian, Ubuntu: apt install libportaudio2; "
        "macOS: brew install portaudio)\n"
    )


def test_listing_devices_loads_no_torch() -> None:
    code = (
        "import sys; from pmmlink.cli.app import app; from typer.testing import CliRunner; "
        "CliRunner().invoke(app, ['devices']); print('torch' in sys.modules)"
    )
    assert run(code).stdout.strip().splitlines()[-1] == "False"
