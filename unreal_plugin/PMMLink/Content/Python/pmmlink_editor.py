"""What PMMLink adds to the editor through Python: a Blueprint actor with a receiver, offered once.

Everything here may be called again without harm. Needs the Python Editor Script Plugin; without it the plugin
works, only this offer and its menu entry are missing.
"""

from __future__ import annotations

import re
from pathlib import Path

import unreal

ASSET = "/Game/PMMLink/BP_PMMLinkReceiver"
COMPONENT = "/Script/PMMLink.PMMLinkReceiverComponent"
MENU = "LevelEditor.MainMenu.Tools"
ENTRY = "CreatePMMLinkReceiver"

_OFFER = (
    f"PMMLink is ready. Shall it make {ASSET}, an actor with a PMMLink Receiver component that you can "
    "place in a level or look at as an example?\n\nThe entry 'Create PMMLink receiver Blueprint' in the "
    "Tools menu does the same later."
)
_tick: object = None


def start() -> None:
    """Adds the menu entry and, in a project that was never asked, makes the offer."""
    if not is_interactive():
        return
    add_menu_entry()
    if not _marker().exists() and not unreal.EditorAssetLibrary.does_asset_exist(ASSET):
        global _tick  # noqa: PLW0603
        _tick = unreal.register_slate_post_tick_callback(_offer_when_ready)


def is_interactive() -> bool:
    """Whether somebody sits in front of an editor: no commandlet, game, server or unattended run."""
    command_line = unreal.SystemLibrary.get_command_line()
    batch = re.search(r"(^|\s)-(run=\S+|game|server|unattended|nullrhi)\b", command_line, re.IGNORECASE)
    return batch is None and not unreal.SystemLibrary.is_unattended()


def add_menu_entry() -> None:
    """Tools > Create PMMLink receiver Blueprint."""
    menu = unreal.ToolMenus.get().extend_menu(unreal.Name(MENU))
    entry = unreal.ToolMenuEntry(name=unreal.Name(ENTRY), type=unreal.MultiBlockType.MENU_ENTRY)
    entry.set_label(unreal.Text("Create PMMLink receiver Blueprint"))
    entry.set_tool_tip(unreal.Text(f"Makes {ASSET}, an actor with a PMMLink Receiver component"))
    command = "import pmmlink_editor; pmmlink_editor.create_receiver()"
    entry.set_string_command(unreal.ToolMenuStringCommandType.PYTHON, unreal.Name(""), command)
    menu.add_menu_entry(unreal.Name("PMMLink"), entry)


def create_receiver() -> unreal.Blueprint | None:
    """Makes the Blueprint, or finds it. None, with a line in the log, when that fails."""
    if unreal.EditorAssetLibrary.does_asset_exist(ASSET):
        unreal.log(f"PMMLink: {ASSET} exists already")
        found = unreal.EditorAssetLibrary.load_asset(ASSET)
        return found if isinstance(found, unreal.Blueprint) else None
    component = unreal.load_class(None, COMPONENT)
    subobjects = unreal.get_engine_subsystem(unreal.SubobjectDataSubsystem)
    if component is None or subobjects is None:
        unreal.log_error(
            f"PMMLink: {COMPONENT} is not there: was the plugin compiled for this engine version?"
        )
        return None
    library = unreal.BlueprintEditorLibrary
    blueprint = library.create_blueprint_asset_with_parent(ASSET, unreal.Actor.static_class())
    handles = subobjects.k2_gather_subobject_data_for_blueprint(blueprint)
    parameters = unreal.AddNewSubobjectParams(
        parent_handle=handles[0], new_class=component, blueprint_context=blueprint
    )
    handle, problem = subobjects.add_new_subobject(parameters)
    if str(problem):
        unreal.log_error(f"PMMLink: the component could not be added to {ASSET}: {problem}")
        return None
    subobjects.rename_subobject(handle, unreal.Text("PMMLinkReceiver"))
    library.compile_blueprint(blueprint)
    unreal.EditorAssetLibrary.save_loaded_asset(blueprint)
    unreal.log(f"PMMLink: made {ASSET}")
    return blueprint


def _marker() -> Path:
    """Exists once the project's people were asked."""
    return Path(unreal.Paths.project_saved_dir()) / "PMMLink" / "offered.txt"


def _offer_when_ready(_seconds: float) -> None:
    """Asks when the editor has read its assets: before that it cannot know whether the Blueprint exists."""
    if unreal.AssetRegistryHelpers.get_asset_registry().is_loading_assets():
        return
    unreal.unregister_slate_post_tick_callback(_tick)
    marker = _marker()
    marker.parent.mkdir(parents=True, exist_ok=True)
    marker.write_text("PMMLink has offered to make its Blueprint.\n", encoding="utf-8")
    title, offer = unreal.Text("PMMLink"), unreal.Text(_OFFER)
    answer = unreal.EditorDialog.show_message(title, offer, unreal.AppMsgType.YES_NO)
    if answer == unreal.AppReturnType.YES:
        create_receiver()
