"""docs/preview.md and calibration/README.md, read as a user reads them: what they name must exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer.main
import yaml

from pmmlink.retarget import load_profile

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "docs" / "preview.md", ROOT / "calibration" / "README.md"]


def _commands(page: Path) -> list[str]:
    blocks = re.findall(r"^```\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    lines = [line.partition("#")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith("pmmlink ")]


@pytest.mark.parametrize("line", [line for page in PAGES for line in _commands(page)])
def test_every_command_and_flag_of_the_pages_exists(line: str) -> None:
    from pmmlink.cli.app import app

    command = typer.main.get_command(app)
    words = shlex.split(line)[1:]
    while words and hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    known = {flag for parameter in command.params for flag in (*parameter.opts, *parameter.secondary_opts)}
    assert [word for word in words if word.startswith("-") and word.split("=")[0] not in known] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_picture_and_link_of_the_pages_is_there(page: Path) -> None:
    linked = re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
    assert linked
    assert [name for name in linked if not (page.parent / name).is_file()] == []


def test_the_documented_keys_make_a_profile_that_loads(tmp_path: Path) -> None:
    text = PAGES[1].read_text(encoding="utf-8")
    every_key = next(
        block
        for block in re.findall(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        if "version" in block
    )
    (tmp_path / "anna.yaml").write_text(every_key, encoding="utf-8")
    assert load_profile(tmp_path / "anna.yaml").name == yaml.safe_load(every_key)["name"]
