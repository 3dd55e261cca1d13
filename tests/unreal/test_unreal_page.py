"""docs/unreal.md, read as a user reads it: what it names must exist."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from conftest import PLUGIN, ROOT

PAGE = (ROOT / "docs" / "unreal.md").read_text(encoding="utf-8")
COMPONENT = (PLUGIN / "PMMLink/Source/PMMLink/Public/PMMLinkReceiverComponent.h").read_text(encoding="utf-8")
TYPES = (PLUGIN / "PMMLink/Source/PMMLink/Public/PMMLinkTypes.h").read_text(encoding="utf-8")


def test_every_source_that_is_cited_is_listed_and_every_listed_one_is_cited() -> None:
    text, _, sources = PAGE.partition("## Sources")
    cited = {int(number) for number in re.findall(r"\[(\d+)\](?!\()", text)}
    listed = {int(number) for number in re.findall(r"^(\d+)\. ", sources, re.MULTILINE)}
    assert cited <= listed
    assert listed - cited <= {10}, "the API reference is what the engine versions are about"


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:unreal_plugin|tests)/[\w./]+)[`\s]", PAGE))))
def test_files_that_are_named_exist(path: str) -> None:
    assert (ROOT / path).exists()


def test_the_picture_and_the_anchors_exist() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", PAGE):
        assert (ROOT / "docs" / target).exists()
    headings = {
        re.sub(r"[^\w -]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in PAGE.splitlines()
        if line.startswith("#")
    }
    for anchor in re.findall(r"\]\(#([^)]+)\)", PAGE):
        assert anchor in headings


def test_the_receivers_controls_are_called_as_the_page_says() -> None:
    shown = {re.sub(r"\W", "", name).lower() for name in re.findall(r"\*\*([^*]+)\*\*", PAGE)}
    members = re.findall(r"\b(\w+)\(", COMPONENT) + re.findall(r"\b(\w+)(?: = [^;\n]+)?;", COMPONENT + TYPES)
    known = {re.sub(r"^b(?=[A-Z])", "", name).lower() for name in members}
    names = """On Frame, On Subject Live, On Subject Stale, Start, Stop, Set Subject, Set Port, Set Buffer Ms,
    Get Curve, Get Frame, Get Status, Subject, Port, Buffer Ms, Smooth, Profile, Drive Meta Human,
    Drive Morph Targets"""
    for name in names.split(","):
        plain = "".join(name.split()).lower()
        assert plain in shown, name
        assert plain in known, name


@pytest.mark.parametrize("command", ["play", "listen", "doctor", "profile", "live"])
def test_the_commands_and_flags_that_are_named_exist(command: str) -> None:
    assert f"pmmlink {command}" in PAGE
    ask = [sys.executable, "-m", "pmmlink.cli", command, "--help"]
    environment = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1"}
    done = subprocess.run(ask, capture_output=True, text=True, encoding="utf-8", env=environment, check=False)
    assert done.returncode == 0
    flags = {
        "play": ("--to", "--subject", "--sample", "--fps", "--profile", "--delay-ms"),
        "live": ("--monitor",),
    }
    for flag in flags.get(command, ()):
        assert flag in done.stdout
        assert flag in PAGE
