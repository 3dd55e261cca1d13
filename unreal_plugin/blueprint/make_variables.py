"""Makes an actor Blueprint with the variables that PMMLinkReceiver.t3d.txt needs.

An aid for the Blueprint-only way, for UE 5.6 and newer with the Python Editor Script Plugin; by hand it is
eight variables. In the editor's Output Log, with Python chosen beside the input line, type the path of this
file.
"""

from __future__ import annotations

import unreal

ASSET = "/Game/PMMLink/BP_PMMLinkOSC"


def make() -> None:
    """Makes the Blueprint, or says that it is there."""
    if unreal.EditorAssetLibrary.does_asset_exist(ASSET):
        unreal.log(f"{ASSET} exists already")
        return
    server = unreal.load_class(None, "/Script/OSC.OSCServer")
    if server is None:
        unreal.log_error("the plugin OSC (Open Sound Control) is not enabled")
        return
    library = unreal.BlueprintEditorLibrary
    whole, real, text = (
        library.get_basic_type_by_name(unreal.Name(name)) for name in ("int", "real", "string")
    )
    types = {
        "PMMLinkPort": whole,
        "PMMLinkSubject": text,
        "PMMLinkServer": library.get_object_reference_type(server),
        "PMMLinkNames": library.get_array_type(text),
        "PMMLinkCurves": library.get_map_type(library.get_basic_type_by_name(unreal.Name("name")), real),
        "PMMLinkSession": whole,
        "PMMLinkSeq": whole,
        "PMMLinkLast": real,
    }
    blueprint = library.create_blueprint_asset_with_parent(ASSET, unreal.Actor.static_class())
    for name, type_ in types.items():
        if not library.add_member_variable(blueprint, unreal.Name(name), type_):
            unreal.log_error(f"variable {name} could not be made: make it by hand")
    for name in ("PMMLinkPort", "PMMLinkSubject"):
        library.set_blueprint_variable_instance_editable(blueprint, unreal.Name(name), True)
    library.compile_blueprint(blueprint)
    defaults = unreal.get_default_object(library.generated_class(blueprint))
    for name, value in (("PMMLinkPort", 8000), ("PMMLinkSeq", -1), ("PMMLinkLast", -10.0)):
        defaults.set_editor_property(name, value)
    library.compile_blueprint(blueprint)
    unreal.EditorAssetLibrary.save_loaded_asset(blueprint)
    unreal.log(f"made {ASSET}: open its event graph and paste PMMLinkReceiver.t3d.txt")


make()
