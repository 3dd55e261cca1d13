"""A file appears whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from pmmlink.whole_file import whole_file


def test_the_file_takes_its_place_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("old")
    with whole_file(path) as partial:
        partial.write_text("new")
        assert path.read_text() == "old"
        assert partial.parent == tmp_path
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_leaves_what_was_there_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), whole_file(path) as partial:
        partial.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_taken_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="folder"), whole_file(tmp_path / "folder") as partial:
        (tmp_path / "folder").mkdir()
        partial.write_text("x")
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]
