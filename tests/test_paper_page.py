"""docs/paper.md leads a reader from the paper to the code: whatever it names must be there."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "paper.md").read_text(encoding="utf-8")
PLACES = PAGE[PAGE.index("## Section III and IV") : PAGE.index("## What the paper leaves open: the model")]
DATA = PAGE[PAGE.index("## Data sets, protocols and metrics") :]


def _rows(text: str) -> list[list[str]]:
    lines = (line for line in text.splitlines() if line.startswith("| "))
    return [
        [c.strip() for c in s.strip("| ").split(" | ")]
        for s in lines
        if not s.startswith(("| paper", "| ---"))
    ]


ROWS = _rows(PLACES)


def _defined() -> set[str]:
    """Every name of the package: functions, classes, module values, and members as ``Class.member``."""
    names: set[str] = set()

    def targets(node: ast.stmt) -> Iterator[str]:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))

    def members(owner: ast.ClassDef) -> Iterator[str]:
        for node in owner.body:
            yield from targets(node)
        for part in ast.walk(owner):  # self.x = …, and what a module registers by name
            if isinstance(part, ast.Attribute) and isinstance(part.ctx, ast.Store):
                yield part.attr
            if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Attribute):
                yield part.target.attr

    for path in (ROOT / "pmmlink").rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names.update(targets(node))
            if isinstance(node, ast.ClassDef):
                names.update(f"{node.name}.{member}" for member in members(node))
    return names


DEFINED = _defined()
QUOTED = re.findall(r"`([^`\n]+)`", PAGE)
FILES = sorted({word for word in QUOTED if re.fullmatch(r"[\w./]+\.(py|txt|md)", word)})
FOREIGN = ("torchrun", "masked_spec_embed")
SYMBOLS = sorted(
    {
        word.partition("(")[0]
        for row in (*ROWS, *_rows(DATA))
        for word in re.findall(r"`([^`]+)`", " ".join(row))
        if re.fullmatch(r"[A-Za-z_][\w.]*(\(.*\))?", word) and word not in (*FILES, *FOREIGN)
    }
)


@pytest.mark.parametrize("name", FILES)
def test_every_file_of_the_page_is_there(name: str) -> None:
    places = [ROOT / name, ROOT / "pmmlink" / name, *(ROOT / "pmmlink" / "train" / "datasets").glob(name)]
    assert any(place.is_file() for place in places)


@pytest.mark.parametrize("name", SYMBOLS)
def test_every_symbol_of_the_table_is_defined(name: str) -> None:
    # A method may be named alone, after the file it is in.
    assert name in DEFINED or any(defined.endswith(f".{name}") for defined in DEFINED)


def test_a_symbol_that_is_not_there_would_be_seen() -> None:
    assert len(SYMBOLS) > 50
    assert len(FILES) > 30
    assert "PMMTalk.frozen_features" in DEFINED
    assert "PMMTalk.unfrozen_features" not in DEFINED


def test_every_equation_and_every_part_of_section_iv_has_a_row() -> None:
    first = " ".join(row[0] for row in ROWS)
    equations = set(map(int, re.findall(r"eq\. (\d+)", first)))
    for low, high in re.findall(r"eq\. (\d+)-(\d+)", first):
        equations |= set(range(int(low), int(high) + 1))
    for pair in re.findall(r"eq\. (\d+), (\d+)", first):
        equations |= set(map(int, pair))
    assert equations == set(range(1, 13))
    for part in ("IV-A1", "IV-A2", "IV-A3", "IV-B", "IV-C", "IV-D", "IV-E"):
        assert part in first
    assert all(len(row) == 3 and all(row) for row in ROWS)


def test_every_command_of_the_page_has_its_flags() -> None:
    from pmmlink.cli.app import app

    blocks = re.findall(r"^```\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    commands = [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("pmmlink ")]
    assert len(commands) >= 2
    for words in commands:
        command = typer.main.get_command(app)
        while hasattr(command, "commands"):
            command = command.commands[words.pop(0)]
        known = {flag for parameter in command.params for flag in parameter.opts}
        assert [word for word in words if word.startswith("-") and word not in known] == []
    scripts = [ROOT / line.split()[1] for line in lines if line.startswith("python ")]
    assert scripts
    assert all(script.is_file() for script in scripts)
