"""A disk that fills up while a run saves: said in a line, and what was saved before is whole."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from tiny_training import Told, start_command, tiny_recipe, train_flags

from pmmlink.errors import RuntimeFault
from pmmlink.model.checkpoint import load_model
from pmmlink.train.loop import train
from pmmlink.train.processes import Processes
from pmmlink.train.run_folder import RunFolder

posix = pytest.mark.skipif(sys.platform == "win32", reason="file-size limits are POSIX")

FULL = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))
from pmmlink.cli.app import main
sys.argv[1:] = {arguments!r}
main()
"""
"""A disk on which no file grows beyond a size: writing fails as on a full one, in the middle of a file."""


def with_full_disk(size: int, *arguments: str) -> tuple[int, str]:
    process = start_command(launcher=("-c", FULL.format(size=size, arguments=list(arguments))))
    _, errors = process.communicate(timeout=180)
    return process.returncode, errors


@posix
@pytest.mark.parametrize("file", ["last.pt", "best.safetensors"])
def test_a_full_disk_is_said_in_a_line_and_the_checkpoint_before_is_whole(tmp_path: Path, file: str) -> None:
    out = tmp_path / "run"
    alone = Processes(0, 1, torch.device("cpu"))
    train(tiny_recipe(tmp_path, epochs=1), out, alone, Told())
    # Whatever the next epoch finds is better than that: it writes the best weights, then the checkpoint.
    state = RunFolder(out).load_last()
    assert state is not None
    state["progress"]["best"] = float("inf")
    RunFolder(out).save_last({k: v for k, v in state.items() if k != "format"})
    before = {path.name: path.read_bytes() for path in (out / "last.pt", out / "best.safetensors")}
    small, large = len(before["best.safetensors"]), len(before["last.pt"])
    assert small < large
    size = small // 2 if file == "best.safetensors" else (small + large) // 2
    code, errors = with_full_disk(size, *train_flags(tmp_path, out, epochs=2))
    assert code == 1
    assert errors.strip().count("\n") == 0
    assert file in errors
    assert "intact" in errors
    assert (out / "last.pt").read_bytes() == before["last.pt"]
    assert not list(out.glob("*.partial"))
    load_model(out / "best.safetensors")
    # With room again, the same command goes on.
    done = train(tiny_recipe(tmp_path, epochs=2), out, alone, Told())
    assert done.epoch == 2


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("a file")
    with pytest.raises(RuntimeFault, match="cannot make the run's folder"):
        RunFolder(tmp_path / "run").create()


def test_a_folder_in_place_of_the_checkpoint_is_said(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.last.mkdir()
    with pytest.raises(RuntimeFault, match=r"last\.pt: cannot be written"):
        folder.save_last({})
    assert not list(tmp_path.glob("*.partial"))
