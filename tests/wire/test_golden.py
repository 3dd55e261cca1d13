"""The golden files are what their generator makes: neither is edited without the other."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

GOLDEN = Path(__file__).parents[1] / "golden"


def test_the_generator_makes_the_files_that_are_there() -> None:
    packets = runpy.run_path(str(GOLDEN / "make.py"))["packets"]()
    assert {f"{name}.bin" for name in packets} == {path.name for path in GOLDEN.glob("*.bin")} - {
        "livelink_v6.bin"
    }
    for name, (data, decoded) in packets.items():
        assert (GOLDEN / f"{name}.bin").read_bytes() == data
        assert json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8")) == decoded
