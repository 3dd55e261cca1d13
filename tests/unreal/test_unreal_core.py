"""The sentences of unreal_plugin/tests/core, with both compilers, with and without sanitizers."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import PLUGIN, ROOT, Build, build_core

HEADER = "unreal_plugin/PMMLink/Source/PMMLinkCore/Public/PMMLinkCore/CurveTable.h"


def test_the_core_compiles_without_a_warning_and_every_sentence_holds_under_the_sanitizers(
    core: Build,
) -> None:
    last_line = core.run("core_tests").splitlines()[-1]
    assert last_line.endswith("sentences, 0 failed")
    assert int(last_line.split()[0]) >= 60


@pytest.mark.slow
@pytest.mark.parametrize("sanitize", ["ON", "OFF"])
def test_clang_compiles_it_too_and_every_sentence_holds(tmp_path: Path, sanitize: str) -> None:
    build = build_core(tmp_path, "clang++", ["-DCMAKE_BUILD_TYPE=Release", f"-DPMMLINK_SANITIZE={sanitize}"])
    assert "0 failed" in build.run("core_tests")


@pytest.mark.slow
def test_a_packet_costs_microseconds_and_a_flood_takes_no_memory(tmp_path: Path) -> None:
    build = build_core(tmp_path, "g++", ["-DCMAKE_BUILD_TYPE=Release"], ["pmmlink_bench"])
    for line in build.run("pmmlink_bench", 20_000).splitlines():
        name, *numbers = line.split()
        if name == "flood":
            _, _, early_kib, late_kib = map(float, numbers)
            assert late_kib - early_kib < 1024
        else:
            _, median_us, _, _ = map(float, numbers)
            assert median_us <= 5.0, name


def _checks(tree: Path) -> bool:
    check = [sys.executable, str(tree / "unreal_plugin" / "tools" / "generate_curves.py"), "--check"]
    return subprocess.run(check, check=False, capture_output=True).returncode == 0


def test_the_curve_table_in_cpp_is_the_one_in_python() -> None:
    assert _checks(ROOT)


def test_a_renamed_curve_makes_the_check_fail(tmp_path: Path) -> None:
    python = [f"pmmlink/{name}.py" for name in ("__init__", "curves", "lips", "types")]
    for name in (*python, "unreal_plugin/tools/generate_curves.py", HEADER):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    assert _checks(tmp_path)
    curves = tmp_path / "pmmlink" / "curves.py"
    curves.write_text(curves.read_text("utf-8").replace('"jawOpen"', '"jawOpened"'), "utf-8")
    assert not _checks(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("target", ["osc", "livelink", "receive"])
def test_twenty_seconds_of_fuzzing_from_the_kept_corpus_find_nothing(tmp_path: Path, target: str) -> None:
    options = ["-DCMAKE_BUILD_TYPE=RelWithDebInfo", "-DPMMLINK_FUZZ=ON"]
    build = build_core(tmp_path / "build", "clang++", options, [f"fuzz_{target}"])
    found = tmp_path / "found"
    found.mkdir()
    corpus = PLUGIN / "tests" / "fuzz" / "corpus" / target
    assert any(corpus.iterdir())
    build.run(f"fuzz_{target}", "-max_total_time=20", f"-artifact_prefix={tmp_path}/", found, corpus)
