"""The C++ core of the Unreal plugin, built once for all its tests."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = ROOT / "unreal_plugin"


@dataclass(frozen=True)
class Build:
    """A folder with the programs of unreal_plugin/CMakeLists.txt."""

    folder: Path

    def program(self, name: str) -> str:
        """Path of a program, for subprocess."""
        return str(self.folder / name)

    def run(self, name: str, *arguments: object, stdin: str = "") -> str:
        """Standard output of a program that is expected to succeed."""
        command = [self.program(name), *map(str, arguments)]
        done = subprocess.run(
            command, input=stdin, text=True, encoding="utf-8", capture_output=True, check=False
        )
        assert done.returncode == 0, f"{name} ended with {done.returncode}:\n{done.stderr[-4000:]}"
        return done.stdout


def build_core(folder: Path, compiler: str, options: Sequence[str], targets: Sequence[str] = ()) -> Build:
    """Configures and builds, or skips the test when a tool is missing."""
    for tool in ("cmake", compiler):
        if shutil.which(tool) is None:
            pytest.skip(f"needs {tool}, which is not installed")
    configure = ["cmake", "-S", PLUGIN, "-B", folder, f"-DCMAKE_CXX_COMPILER={compiler}", *options]
    compile_all = ["cmake", "--build", folder, "--parallel", "2"]
    if targets:
        compile_all += ["--target", *targets]
    for command in (configure, compile_all):
        done = subprocess.run(command, text=True, capture_output=True, check=False)
        assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    return Build(folder)


@pytest.fixture(scope="session")
def core(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """All programs, compiled by g++ with every warning an error and with the sanitizers.

    PMMLINK_UNREAL_BUILD names a folder to build in and keep, for those who run these tests often.
    """
    kept = os.environ.get("PMMLINK_UNREAL_BUILD")
    folder = Path(kept) if kept else tmp_path_factory.mktemp("unreal_core")
    # Not optimised: compiling takes most of the time.
    return build_core(folder, "g++", ["-DCMAKE_BUILD_TYPE=None", "-DPMMLINK_SANITIZE=ON"])
