"""The Blueprint text: fresh, whole, doing what it should, and readable by the npm package ueblueprint."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from blueprint_machine import Machine, read
from conftest import PLUGIN

from pmmlink.curves import LIVELINK_61

sys.path.insert(0, str(PLUGIN / "tools"))
import draw_blueprint
import generate_blueprint

sys.path.pop(0)

TEXT = generate_blueprint.OUTPUT.read_text(encoding="utf-8")
NAMES = list(LIVELINK_61.wire_names)


def test_the_text_in_the_tree_is_what_its_description_says() -> None:
    assert generate_blueprint.build().text() == TEXT


def test_every_link_has_two_ends_that_know_each_other_and_fit() -> None:
    nodes = read(TEXT)
    pins = {pin.id: (node.name, pin) for node in nodes.values() for pin in node.pins}
    assert len(pins) == sum(len(node.pins) for node in nodes.values())
    links = 0
    for node in nodes.values():
        for pin in node.pins:
            for name, pin_id in pin.links:
                owner, other = pins[pin_id]
                assert owner == name
                assert (node.name, pin.id) in other.links
                assert pin.output != other.output
                assert (pin.category, pin.container) == (other.category, other.container)
                links += pin.output
            if pin.output and pin.category == "exec":
                assert len(pin.links) <= 1
            if not pin.output and pin.category != "exec":
                assert len(pin.links) <= 1
    assert links > 90


def test_only_the_three_entries_wait_to_be_connected() -> None:
    open_entries = {
        node.member or node.kind
        for node in read(TEXT).values()
        for pin in node.pins
        if pin.category == "exec" and not pin.output and not pin.links
    }
    assert open_entries == {"CreateOSCServer", "Map_Keys", "K2Node_IfThenElse"}
    # The editor turns a second BeginPlay, Tick or EndPlay in a graph into something else.
    assert "K2Node_Event" not in TEXT


def test_every_variable_that_is_used_is_in_the_table_for_the_user() -> None:
    used = {node.member for node in read(TEXT).values() if node.kind.startswith("K2Node_Variable")}
    assert used == set(generate_blueprint.VARIABLES)
    page = (PLUGIN.parent / "docs" / "unreal.md").read_text(encoding="utf-8")
    for name in used:
        assert f"`{name}`" in page


@pytest.fixture
def machine() -> Machine:
    variables: dict[str, Any] = {
        "PMMLinkPort": 8000,
        "PMMLinkSubject": "",
        "PMMLinkServer": None,
        "PMMLinkNames": [],
        "PMMLinkCurves": {},
        "PMMLinkSession": 0,
        "PMMLinkSeq": -1,
        "PMMLinkLast": -10.0,
    }
    machine = Machine(TEXT, variables)
    machine.start()
    return machine


def _frame(subject: str, session: int, seq: int, value: float) -> list[Any]:
    return [subject, session, seq, seq * 33_333, 30, 1, *([value] * len(NAMES))]


def test_it_listens_on_the_port_variable_on_all_addresses(machine: Machine) -> None:
    assert machine.server is not None
    assert machine.server["Port"] == 8000
    assert machine.server["ReceiveIPAddress"] == "0.0.0.0"
    assert machine.server["bStartListening"] is True
    machine.stop()
    assert machine.server is None
    assert machine.variables["PMMLinkServer"] is not None


def test_names_and_a_frame_move_the_face_and_silence_relaxes_it(machine: Machine) -> None:
    machine.receive("/pmmlink/1/frame", _frame("Ada", 7, 0, 0.5), 0.9)
    machine.tick(0.95)
    assert machine.morphs == {}, "no names yet"
    machine.receive("/pmmlink/1/names", ["Ada", *NAMES], 1.0)
    machine.receive("/pmmlink/1/frame", _frame("Ada", 7, 1, 0.8), 1.0)
    for now, expected in (
        (1.0, 0.8),
        (1.25, 0.8),
        (1.375, 0.675),
        (1.5, 0.4),
        (1.625, 0.125),
        (1.75, 0),
        (9, 0),
    ):
        machine.tick(now)
        assert machine.morphs.keys() == set(NAMES)
        assert machine.morphs["JawOpen"] == pytest.approx(expected, abs=1e-9)


def test_older_frames_and_other_subjects_change_nothing(machine: Machine) -> None:
    machine.variables["PMMLinkSubject"] = "Ada"
    machine.receive("/pmmlink/1/names", ["Ada", *NAMES], 1.0)
    machine.receive("/pmmlink/1/names", ["Bob", "X"], 1.0)
    machine.receive("/pmmlink/1/frame", _frame("Ada", 7, 5, 0.8), 1.0)
    machine.receive("/pmmlink/1/frame", _frame("Ada", 7, 4, 0.1), 1.0)
    machine.receive("/pmmlink/1/frame", _frame("Ada", 7, 5, 0.1), 1.0)
    machine.receive("/pmmlink/1/frame", _frame("Bob", 9, 6, 0.1), 1.0)
    machine.receive("/other", ["Ada", 7], 1.0)
    machine.tick(1.0)
    assert machine.morphs["MouthClose"] == 0.8
    machine.receive("/pmmlink/1/frame", _frame("Ada", -8, 0, 0.3), 1.1)
    machine.tick(1.1)
    assert machine.morphs["MouthClose"] == 0.3


def test_a_frame_that_does_not_match_the_names_changes_nothing(machine: Machine) -> None:
    machine.receive("/pmmlink/1/names", ["Ada", *NAMES], 1.0)
    machine.receive("/pmmlink/1/frame", ["Ada", 7, 0, 0, 30, 1, 0.5, 0.5], 1.0)
    machine.tick(1.0)
    assert machine.morphs == {}


def test_bye_relaxes_at_once_unless_it_is_another_sessions(machine: Machine) -> None:
    machine.receive("/pmmlink/1/names", ["Ada", *NAMES], 1.0)
    machine.receive("/pmmlink/1/frame", _frame("Ada", 7, 0, 0.8), 1.0)
    machine.receive("/pmmlink/1/bye", ["Ada", 8], 1.1)
    machine.tick(1.2)
    assert machine.morphs["JawOpen"] == 0.8
    machine.receive("/pmmlink/1/bye", ["Ada", 7], 1.2)
    machine.tick(1.2)
    assert machine.morphs["JawOpen"] == 0.8
    machine.tick(1.45)
    assert machine.morphs["JawOpen"] == pytest.approx(0.4)
    machine.tick(1.7)
    assert machine.morphs["JawOpen"] == 0.0


@pytest.mark.slow
def test_ueblueprint_reads_every_node_pin_and_link_and_draws_them(tmp_path: Path) -> None:
    browser = draw_blueprint.find_browser()
    if browser is None or shutil.which("npm") is None:
        pytest.skip("needs Chromium and npm, which are not both installed")
    try:
        draw_blueprint.install(tmp_path)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"npm cannot fetch {draw_blueprint.PACKAGE}: {error.stderr[-300:]!r}")
    drawing = draw_blueprint.Drawing(tmp_path, browser, TEXT, (4520, 2920))
    report = drawing.report()
    expected = read(TEXT)
    assert {node["name"] for node in report["nodes"]} == set(expected)
    for node in report["nodes"]:
        seen = {(p["id"], p["name"], p["output"], tuple(sorted(p["links"]))) for p in node["pins"]}
        shown = [pin for pin in expected[node["name"]].pins if pin.name != "NotEqual_StriStri"]
        assert seen == {
            (pin.id, pin.name, pin.output, tuple(sorted(pin_id for _, pin_id in pin.links))) for pin in shown
        }
    assert report["links"] == sum(len(p.links) for n in expected.values() for p in n.pins) // 2
    picture = tmp_path / "blueprint.png"
    drawing.picture(picture, 0.5)
    assert picture.stat().st_size > 100_000
