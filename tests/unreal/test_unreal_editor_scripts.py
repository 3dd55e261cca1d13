"""The editor's Python scripts: type-checked against PyPI's unreal-stub, and run against a small stand-in."""

from __future__ import annotations

import ast
import importlib
import os
import shutil
import subprocess
import sys
import types
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import PLUGIN

PYTHON = PLUGIN / "PMMLink" / "Content" / "Python"
SCRIPTS = [*sorted(PYTHON.glob("*.py")), PLUGIN / "blueprint" / "make_variables.py"]
STUB = "unreal-stub==0.3"
PYRIGHT = "pyright==1.1.414"


def _pip(*arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        pytest.skip(f"pip {arguments[0]} failed: {done.stderr[-300:]}")


def _repaired_stub(folder: Path) -> Path:
    """unreal-stub 0.3 with its syntax error taken out; the wheel itself does not parse."""
    _pip("download", "--quiet", "--no-deps", "--dest", str(folder), STUB)
    (wheel,) = folder.glob("*.whl")
    zipfile.ZipFile(wheel).extract("unreal/unreal.py", folder)
    lines = (folder / "unreal" / "unreal.py").read_text(encoding="utf-8-sig").splitlines()
    for _ in range(5):
        try:
            ast.parse("\n".join(lines))
            break
        except SyntaxError as error:
            line = lines[(error.lineno or 1) - 1]
            assert line.lstrip().startswith("def __init__("), line[:200]
            indent = line[: len(line) - len(line.lstrip())]
            lines[(error.lineno or 1) - 1] = indent + "def __init__(self, *_: Any, **__: Any) -> None:"
    package = folder / "stubs" / "unreal"
    package.mkdir(parents=True)
    (package / "__init__.pyi").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return package.parent


@pytest.mark.slow
def test_every_call_exists_in_the_editors_api(tmp_path: Path) -> None:
    stubs = _repaired_stub(tmp_path)
    _pip("install", "--quiet", "--target", str(tmp_path / "tools"), PYRIGHT)
    work = tmp_path / "work"
    work.mkdir()
    for script in SCRIPTS:
        shutil.copy(script, work)
    (work / "pyrightconfig.json").write_text(
        f'{{"stubPath": "{stubs.as_posix()}", "typeCheckingMode": "standard", "pythonVersion": "3.11"}}',
        encoding="utf-8",
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "tools")}

    def check() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pyright", "--project", str(work)]
        return subprocess.run(
            command, capture_output=True, text=True, env=environment, timeout=900, check=False
        )

    done = check()
    if done.returncode not in (0, 1):
        pytest.skip(f"pyright does not run here: {(done.stdout + done.stderr)[-300:]}")
    assert done.returncode == 0, done.stdout
    assert "0 errors" in done.stdout
    # And it would have noticed a call that does not exist.
    script = work / "pmmlink_editor.py"
    wrong = script.read_text(encoding="utf-8").replace("k2_gather_subobject_data_for_blueprint", "gather")
    script.write_text(wrong, encoding="utf-8")
    assert check().returncode == 1


class StandIn(types.ModuleType):
    """As much of the editor's module as the scripts use, recording what it is asked to do."""

    def __init__(self) -> None:
        super().__init__("unreal")
        self.command_line = ""
        self.assets: set[str] = set()
        self.answer = "no"
        self.asked = 0
        self.entries: list[Any] = []
        self.ticks: list[Callable[[float], None]] = []
        self.errors: list[str] = []
        self.components: list[str] = []
        self.saved = Path()
        self.loading = False
        self.Name = self.Text = str
        self.Blueprint = type("Blueprint", (), {})
        self.AppMsgType = types.SimpleNamespace(YES_NO="yes or no")
        self.AppReturnType = types.SimpleNamespace(YES="yes", NO="no")
        self.MultiBlockType = types.SimpleNamespace(MENU_ENTRY=0)
        self.ToolMenuStringCommandType = types.SimpleNamespace(PYTHON=0)
        self.SubobjectDataSubsystem = object()
        self.Actor = types.SimpleNamespace(static_class=lambda: "Actor")
        self.SystemLibrary = types.SimpleNamespace(
            get_command_line=lambda: self.command_line,
            is_unattended=lambda: "unattended" in self.command_line,
        )
        self.EditorAssetLibrary = types.SimpleNamespace(
            does_asset_exist=lambda path: path in self.assets,
            load_asset=lambda _: self.Blueprint(),
            save_loaded_asset=lambda _: True,
        )
        self.Paths = types.SimpleNamespace(project_saved_dir=lambda: str(self.saved))
        registry = types.SimpleNamespace(is_loading_assets=lambda: self.loading)
        self.AssetRegistryHelpers = types.SimpleNamespace(get_asset_registry=lambda: registry)
        self.EditorDialog = types.SimpleNamespace(show_message=self._ask)
        menu = types.SimpleNamespace(add_menu_entry=lambda _, entry: self.entries.append(entry))
        menus = types.SimpleNamespace(extend_menu=lambda _: menu)
        self.ToolMenus = types.SimpleNamespace(get=lambda: menus)
        self.BlueprintEditorLibrary = types.SimpleNamespace(
            create_blueprint_asset_with_parent=self._create, compile_blueprint=lambda _: None
        )

    def _ask(self, *_: Any) -> str:
        self.asked += 1
        return self.answer

    def _create(self, path: str, _parent: str) -> Any:
        self.assets.add(path)
        return self.Blueprint()

    def ToolMenuEntry(self, **_: Any) -> Any:  # noqa: N802
        return types.SimpleNamespace(
            set_label=lambda _: None, set_tool_tip=lambda _: None, set_string_command=lambda *_: None
        )

    def AddNewSubobjectParams(self, **fields: Any) -> Any:  # noqa: N802
        return fields

    def get_engine_subsystem(self, _: Any) -> Any:
        def add(parameters: dict[str, Any]) -> tuple[str, str]:
            self.components.append(parameters["new_class"])
            return "handle", ""

        return types.SimpleNamespace(
            k2_gather_subobject_data_for_blueprint=lambda _: ["root"],
            add_new_subobject=add,
            rename_subobject=lambda *_: True,
        )

    def load_class(self, _: Any, path: str) -> str:
        return path

    def register_slate_post_tick_callback(self, call: Callable[[float], None]) -> Any:
        self.ticks.append(call)
        return call

    def unregister_slate_post_tick_callback(self, call: Any) -> None:
        self.ticks.remove(call)

    def log(self, _: str) -> None:
        """Says nothing."""

    def log_error(self, text: str) -> None:
        self.errors.append(text)


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[StandIn, Any]]:
    """The stand-in and the script, freshly loaded."""
    unreal = StandIn()
    unreal.saved = tmp_path
    monkeypatch.setitem(sys.modules, "unreal", unreal)
    monkeypatch.syspath_prepend(str(PYTHON))
    module = importlib.import_module("pmmlink_editor")
    yield unreal, module
    sys.modules.pop("pmmlink_editor", None)


def _tick(unreal: StandIn) -> None:
    for call in list(unreal.ticks):
        call(0.016)


def test_the_offer_waits_for_the_assets_is_made_once_and_respects_a_no(editor: tuple[StandIn, Any]) -> None:
    unreal, script = editor
    unreal.loading = True
    script.start()
    _tick(unreal)
    assert unreal.asked == 0
    unreal.loading = False
    _tick(unreal)
    _tick(unreal)
    assert (unreal.asked, unreal.ticks, unreal.assets) == (1, [], set())
    script.start()
    assert unreal.ticks == []
    assert len(unreal.entries) == 2, "the menu entry is there at every start"


def test_a_yes_makes_the_blueprint_with_its_component_and_a_second_call_finds_it(
    editor: tuple[StandIn, Any],
) -> None:
    unreal, script = editor
    unreal.answer = "yes"
    script.start()
    _tick(unreal)
    assert unreal.assets == {script.ASSET}
    assert unreal.components == [script.COMPONENT]
    assert script.create_receiver() is not None
    assert unreal.components == [script.COMPONENT]
    assert unreal.errors == []


@pytest.mark.parametrize(
    "command_line",
    [
        "Game.uproject -run=Cook",
        "Game.uproject -game",
        "-unattended",
        "x -server",
        "x -RUN=pythonscript",
        "-nullrhi",
    ],
)
def test_nothing_is_offered_where_nobody_sits(editor: tuple[StandIn, Any], command_line: str) -> None:
    unreal, script = editor
    unreal.command_line = command_line
    script.start()
    assert (unreal.ticks, unreal.entries) == ([], [])


def test_a_plugin_that_was_not_compiled_is_one_line_in_the_log(
    editor: tuple[StandIn, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    unreal, script = editor
    monkeypatch.setattr(unreal, "load_class", lambda *_: None)
    assert script.create_receiver() is None
    assert len(unreal.errors) == 1
    assert unreal.assets == set()
