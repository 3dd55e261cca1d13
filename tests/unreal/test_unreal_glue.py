"""The plugin's Unreal code: against stubs, against its Build.cs files, against the descriptor's fields."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from conftest import PLUGIN

sys.path.insert(0, str(PLUGIN / "tools"))
import check_glue

sys.path.pop(0)


def _copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the plugin's sources that the checks look at."""
    shutil.copytree(PLUGIN / "PMMLink", tmp_path / "PMMLink")
    monkeypatch.setattr(check_glue, "PLUGIN", tmp_path)
    monkeypatch.setattr(check_glue, "SOURCE", tmp_path / "PMMLink" / "Source")
    return tmp_path / "PMMLink"


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_the_descriptor_and_the_headers_have_no_fault() -> None:
    assert check_glue.check_descriptor() == []
    assert check_glue.check_headers() == []


def test_every_source_file_compiles_against_the_stubs() -> None:
    if shutil.which("g++") is None:
        pytest.skip("needs g++, which is not installed")
    assert check_glue.check_syntax("g++") == []


def test_a_call_that_the_stubs_do_not_know_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("g++") is None:
        pytest.skip("needs g++, which is not installed")
    plugin = _copy(tmp_path, monkeypatch)
    for module in ("PMMLinkCore", "PMMLinkEditor"):
        shutil.rmtree(plugin / "Source" / module / "Private")
    for source in (plugin / "Source" / "PMMLink" / "Private").glob("*.cpp"):
        if source.name != "PMMLinkSourceFactory.cpp":
            source.unlink()
    _replace(plugin / "Source/PMMLink/Private/PMMLinkSourceFactory.cpp", "FParse::Value", "FParse::Values")
    (fault,) = check_glue.check_syntax("g++")
    assert "Values" in fault


@pytest.mark.parametrize(
    ("file", "old", "new", "fault"),
    [
        ("PMMLink.uplugin", '"CanContainContent"', '"CanContainContents"', "unknown key"),
        ("PMMLink.uplugin", '"Type": "Editor"', '"Type": "Editors"', "unknown Type"),
        ("PMMLink.uplugin", '"Name": "PMMLinkEditor"', '"Name": "PMMLinkTools"', "folders are"),
    ],
)
def test_a_faulty_descriptor_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, old: str, new: str, fault: str
) -> None:
    _replace(_copy(tmp_path, monkeypatch) / file, old, new)
    assert any(fault in found for found in check_glue.check_descriptor())


@pytest.mark.parametrize(
    ("file", "old", "new", "fault"),
    [
        ("Source/PMMLink/PMMLink.Build.cs", '"Sockets",', "", "needs Sockets"),
        ("Source/PMMLink/PMMLink.Build.cs", '"Networking",', '"Networking", "Slate",', "not included from"),
        ("Source/PMMLink/Public/PMMLinkTypes.h", "PMMLINK_API ", "", "must be exported"),
        (
            "Source/PMMLink/Public/PMMLinkSettings.h",
            '#include "PMMLinkSettings.generated.h"',
            '#include "PMMLinkSettings.generated.h"\n#include "PMMLinkTypes.h"',
            "must be the last include",
        ),
        ("Source/PMMLink/Public/PMMLinkSettings.h", "GENERATED_BODY()", "", "0 GENERATED_BODY()"),
        ("Source/PMMLink/Private/PMMLinkPort.cpp", '"Sockets.h"', '"Socket.h"', "unknown header Socket.h"),
        (
            "Source/PMMLink/Public/PMMLinkSettings.h",
            "#pragma once",
            '#pragma once\n#include "Sockets.h"',
            "public header",
        ),
    ],
)
def test_faulty_headers_are_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, old: str, new: str, fault: str
) -> None:
    _replace(_copy(tmp_path, monkeypatch) / file, old, new)
    assert any(fault in found for found in check_glue.check_headers())
