"""Checks the Unreal side of the plugin where no Unreal Engine is at hand.

Three checks, each of which prints what is wrong and where:

* **descriptor**: `PMMLink.uplugin` names the modules that exist, and only fields and values the engine knows;
* **headers**: includes match the dependencies in `Build.cs`, `.generated.h` comes last, export macros fit;
* **syntax**: every source file compiles (`-fsyntax-only`) against the stubs in `tests/stubs`, with the
  generated headers that the engine's header tool would write.

What it cannot show is that the stubs are true to the engine.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PLUGIN = Path(__file__).resolve().parents[1]
SOURCE = PLUGIN / "PMMLink" / "Source"
STUBS = PLUGIN / "tests" / "stubs"

# Every engine header in use: the module it belongs to and the stub that stands for it.
ENGINE_HEADERS = {
    "Animation/AnimInstance.h": ("Engine", "Engine.h"),
    "Common/UdpSocketBuilder.h": ("Networking", "Sockets.h"),
    "Components/ActorComponent.h": ("Engine", "Engine.h"),
    "Components/SkeletalMeshComponent.h": ("Engine", "Engine.h"),
    "CoreMinimal.h": ("Core", "CoreUObject.h"),
    "Editor.h": ("UnrealEd", "Editor.h"),
    "Engine/DeveloperSettings.h": ("DeveloperSettings", "Engine.h"),
    "Engine/Selection.h": ("Engine", "Engine.h"),
    "Features/IModularFeatures.h": ("Core", "Core.h"),
    "Framework/Commands/UIAction.h": ("Slate", "Editor.h"),
    "GameFramework/Actor.h": ("Engine", "Engine.h"),
    "HAL/PlatformTime.h": ("Core", "Core.h"),
    "HAL/Runnable.h": ("Core", "Core.h"),
    "HAL/RunnableThread.h": ("Core", "Core.h"),
    "ILiveLinkClient.h": ("LiveLinkInterface", "LiveLinkInterface.h"),
    "ILiveLinkSource.h": ("LiveLinkInterface", "LiveLinkInterface.h"),
    "Interfaces/IPv4/IPv4Address.h": ("Networking", "Sockets.h"),
    "LiveLinkSourceFactory.h": ("LiveLinkInterface", "LiveLinkInterface.h"),
    "LiveLinkSourceSettings.h": ("LiveLinkInterface", "LiveLinkInterface.h"),
    "LiveLinkTypes.h": ("LiveLinkInterface", "LiveLinkInterface.h"),
    "Misc/Parse.h": ("Core", "Core.h"),
    "Misc/ScopeLock.h": ("Core", "Core.h"),
    "Modules/ModuleManager.h": ("Core", "Core.h"),
    "Roles/LiveLinkBasicRole.h": ("LiveLinkInterface", "LiveLinkInterface.h"),
    "Roles/LiveLinkBasicTypes.h": ("LiveLinkInterface", "LiveLinkInterface.h"),
    "ScopedTransaction.h": ("UnrealEd", "Editor.h"),
    "SocketSubsystem.h": ("Sockets", "Sockets.h"),
    "Sockets.h": ("Sockets", "Sockets.h"),
    "Templates/PimplPtr.h": ("Core", "Core.h"),
    "Textures/SlateIcon.h": ("SlateCore", "Editor.h"),
    "ToolMenus.h": ("ToolMenus", "Editor.h"),
    "UObject/UnrealType.h": ("CoreUObject", "CoreUObject.h"),
}

_INCLUDE = re.compile(r'^\s*#include\s+"([^"]+)"', re.MULTILINE)
_TYPE = re.compile(
    r"^\s*(UCLASS|USTRUCT)\(.*?\)\s*(class|struct)\s+(?:(\w+_API)\s+)?(\w+)(?:\s*:\s*public\s+(\w+))?",
    re.M | re.S,
)
_BODY = re.compile(r"^\s*GENERATED_BODY\(\)", re.MULTILINE)

# Fields and values as the API reference lists them: FPluginDescriptor, FModuleDescriptor,
# FPluginReferenceDescriptor, EHostType and ELoadingPhase. Epic publishes no JSON schema.
_DESCRIPTOR_KEYS = {
    *("FileVersion", "Version", "VersionName", "FriendlyName", "Description", "Category", "CreatedBy"),
    *("CreatedByURL", "DocsURL", "MarketplaceURL", "SupportURL", "EnabledByDefault", "CanContainContent"),
    *("IsBetaVersion", "IsExperimentalVersion", "Installed", "EngineVersion", "SupportedTargetPlatforms"),
    *("Modules", "Plugins"),
}
_MODULE_KEYS = {
    "Name",
    "Type",
    "LoadingPhase",
    "PlatformAllowList",
    "PlatformDenyList",
    "AdditionalDependencies",
}
_PLUGIN_KEYS = {"Name", "Enabled", "Optional", "PlatformAllowList", "TargetAllowList"}
_MODULE_TYPES = {
    "Runtime",
    "RuntimeNoCommandlet",
    "Developer",
    "DeveloperTool",
    "Editor",
    "UncookedOnly",
    "Program",
}
_PHASES = {
    "EarliestPossible",
    "PostConfigInit",
    "PreDefault",
    "Default",
    "PostDefault",
    "PostEngineInit",
    "None",
}
_PLATFORMS = {"Win64", "Mac", "Linux", "LinuxArm64", "Android", "IOS"}
_TARGETS = {"Game", "Server", "Client", "Editor", "Program"}


def modules() -> list[str]:
    """Names of the plugin's modules, as the folders say."""
    return sorted(path.parent.name for path in SOURCE.glob("*/*.Build.cs"))


def check_descriptor() -> list[str]:
    """Faults of PMMLink.uplugin."""
    path = PLUGIN / "PMMLink" / "PMMLink.uplugin"
    descriptor = json.loads(path.read_text(encoding="utf-8"))
    faults = [f"{path.name}: unknown key {key!r}" for key in descriptor.keys() - _DESCRIPTOR_KEYS]
    if descriptor.get("FileVersion") != 3:
        faults.append(f"{path.name}: FileVersion must be 3")
    for key in ("Version", "FileVersion"):
        if not isinstance(descriptor.get(key), int):
            faults.append(f"{path.name}: {key} must be a whole number")
    for key in ("EnabledByDefault", "CanContainContent", "IsBetaVersion", "Installed"):
        if not isinstance(descriptor.get(key), bool):
            faults.append(f"{path.name}: {key} must be true or false")
    for entry in descriptor["Modules"]:
        name = entry["Name"]
        faults += [f"module {name}: unknown key {key!r}" for key in entry.keys() - _MODULE_KEYS]
        if entry["Type"] not in _MODULE_TYPES or entry["LoadingPhase"] not in _PHASES:
            faults.append(f"module {name}: unknown Type or LoadingPhase")
        if not set(entry["PlatformAllowList"]) <= _PLATFORMS:
            faults.append(f"module {name}: unknown platform")
    for entry in descriptor["Plugins"]:
        faults += [f"plugin {entry['Name']}: unknown key {key!r}" for key in entry.keys() - _PLUGIN_KEYS]
        if not set(entry.get("TargetAllowList", ())) <= _TARGETS:
            faults.append(f"plugin {entry['Name']}: unknown target")
    named = sorted(entry["Name"] for entry in descriptor["Modules"])
    if named != modules():
        faults.append(f"{path.name}: modules {named}, but the folders are {modules()}")
    return faults


def _dependencies(module: str) -> tuple[set[str], set[str]]:
    """Public and private dependencies in a Build.cs."""
    text = (SOURCE / module / f"{module}.Build.cs").read_text(encoding="utf-8")
    if not re.search(rf"class {module} : ModuleRules\b", text):
        return set(), set()
    found = []
    for kind in ("Public", "Private"):
        names: set[str] = set()
        for block in re.findall(rf"{kind}DependencyModuleNames\.AddRange\((.*?)\);", text, re.DOTALL):
            names |= set(re.findall(r'"(\w+)"', block))
        found.append(names)
    return found[0], found[1]


def _owner(header: str) -> str | None:
    """The module that an included header belongs to; None when nobody knows it."""
    if header in ENGINE_HEADERS:
        return ENGINE_HEADERS[header][0]
    for module in modules():
        for folder in ("Public", "Private"):
            if (SOURCE / module / folder / header).is_file():
                return module
    return None


def check_headers() -> list[str]:
    """Faults of includes, dependencies and generated headers."""
    faults = []
    for module in modules():
        public, private = _dependencies(module)
        needed: set[str] = set()
        for path in sorted((SOURCE / module).rglob("*.[hc]*")):
            if path.suffix not in (".h", ".cpp"):
                continue
            where = str(path.relative_to(SOURCE))
            text = path.read_text(encoding="utf-8")
            includes = _INCLUDE.findall(text)
            generated = [name for name in includes if name.endswith(".generated.h")]
            faults += _generated_faults(where, path, text, includes, generated, module)
            for header in includes:
                if header in generated:
                    continue
                owner = _owner(header)
                if owner is None:
                    faults.append(f"{where}: unknown header {header}")
                elif owner != module:
                    needed.add(owner)
                    if owner not in public | private:
                        faults.append(
                            f"{where}: {header} needs {owner}, which {module}.Build.cs does not name"
                        )
                    elif "Public" in path.parts and owner not in public:
                        faults.append(
                            f"{where}: a public header needs {owner}, which is a private dependency"
                        )
        # Objects need CoreUObject without any header of its own being included.
        unused = (public | private) - needed - {"CoreUObject"}
        faults += [f"{module}.Build.cs: {name} is named and not included from" for name in sorted(unused)]
    return faults


def _generated_faults(
    where: str, path: Path, text: str, includes: list[str], generated: list[str], module: str
) -> list[str]:
    types = _TYPE.findall(text)
    faults = []
    if types and generated != [f"{path.stem}.generated.h"]:
        faults.append(f"{where}: must include {path.stem}.generated.h")
    if generated and (not types or includes[-1] != generated[0]):
        faults.append(f"{where}: .generated.h must be the last include, in a header with a UCLASS or USTRUCT")
    if len(_BODY.findall(text)) != len(types):
        faults.append(f"{where}: {len(types)} reflected types, {len(_BODY.findall(text))} GENERATED_BODY()")
    for macro, _, api, name, _ in types:
        if api != f"{module.upper()}_API":
            faults.append(f"{where}: {name} must be exported with {module.upper()}_API")
        if name[0] != {"UCLASS": "U", "USTRUCT": "F"}[macro]:
            faults.append(f"{where}: the engine wants another first letter than that of {name}")
    return faults


def _write_generated(header: Path, folder: Path) -> None:
    """What the engine's header tool would write, as far as the compiler needs it."""
    text = header.read_text(encoding="utf-8")
    file_id = f"FID_{header.stem}"
    lines = ["#pragma once", "#undef CURRENT_FILE_ID", f"#define CURRENT_FILE_ID {file_id}"]
    bodies = [text.count("\n", 0, match.end()) + 1 for match in _BODY.finditer(text)]
    for (macro, _, _, name, base), line in zip(_TYPE.findall(text), bodies, strict=True):
        if macro == "UCLASS":
            # With the constructor that generated code defines where members' types may be incomplete.
            aliases = f"using Super = {base}; using ThisClass = {name}; struct FVTableHelper {{}};"
            helper = f"explicit {name}(FVTableHelper&) {{}}"
            body = f"public: {aliases} static UClass* StaticClass(); {helper} private:"
        else:
            body = "static UScriptStruct* StaticStruct();"
        lines.append(f"#define {file_id}_{line}_GENERATED_BODY {body}")
    (folder / f"{header.stem}.generated.h").write_text("\n".join(lines) + "\n", encoding="utf-8")


def check_syntax(compiler: str) -> list[str]:
    """What the compiler says about each source file."""
    faults = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for header, (_, stub) in ENGINE_HEADERS.items():
            path = folder / "engine" / header
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f'#pragma once\n#include "{(STUBS / stub).as_posix()}"\n', encoding="utf-8")
        for module in modules():
            for header in (SOURCE / module).rglob("*.h"):
                if ".generated.h" in header.read_text(encoding="utf-8"):
                    _write_generated(header, folder)
            includes = [folder, folder / "engine", SOURCE / module / "Private"]
            includes += [SOURCE / other / "Public" for other in modules()]
            for source in sorted((SOURCE / module).rglob("*.cpp")):
                command = [
                    compiler,
                    "-std=c++20",
                    "-fsyntax-only",
                    "-Wall",
                    "-Wextra",
                    "-Werror",
                    "-Wshadow",
                    "-Wundef",
                ]
                command += ["-fno-exceptions", "-fno-rtti", "-Wno-unused-parameter"]
                command += [f"-D{other.upper()}_API=" for other in modules()]
                command += [f"-I{path}" for path in includes]
                done = subprocess.run([*command, str(source)], text=True, capture_output=True, check=False)
                if done.returncode != 0:
                    faults.append(done.stderr)
    return faults


def main() -> int:
    """Runs the checks; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--compiler", default="g++", help="for the syntax check; skipped when it is not installed"
    )
    args = parser.parse_args()
    faults = check_descriptor() + check_headers()
    if shutil.which(args.compiler) is None:
        sys.stdout.write(f"syntax check skipped: {args.compiler} is not installed\n")
    else:
        faults += check_syntax(args.compiler)
    sys.stdout.writelines(f"{fault}\n" for fault in faults)
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
