"""The kinds of Blueprint nodes that the receiver is made of, each as one method that adds it to a graph."""

from __future__ import annotations

from itertools import pairwise

from t3d import (
    BOOL,
    DOUBLE,
    EXEC,
    INT,
    Graph,
    Node,
    Pin,
    PinType,
    array,
    object_of,
    reference,
    struct_of,
)

CURVE_MAP = PinType("name", container="Map", value='TerminalCategory="real",TerminalSubCategory="double"')
MESSAGE = struct_of("/Script/OSC.OSCMessage", by_ref=True)
ADDRESS = struct_of("/Script/OSC.OSCAddress", by_ref=True)
SERVER = object_of("/Script/OSC.OSCServer")
MESH = object_of("/Script/Engine.SkeletalMeshComponent")
OBJECT = object_of("/Script/CoreUObject.Object")

GRAPH = "/Script/BlueprintGraph."
OSC = "/Script/OSC.OSCManager"
MATH = "/Script/Engine.KismetMathLibrary"
STRINGS = "/Script/Engine.KismetStringLibrary"
ARRAYS = "/Script/Engine.KismetArrayLibrary"
MAPS = "/Script/Engine.BlueprintMapLibrary"
SYSTEM = "/Script/Engine.KismetSystemLibrary"
_MACROS = "/Engine/EditorBlueprintResources/StandardMacros.StandardMacros"
_FOR_EACH = "99DBFD5540A796041F72A5A9DA655026"  # identifier of the standard macro's graph


class Nodes:
    """Adds nodes to ``graph``. Positions are left and top in the editor's units, within the current part.

    Attributes:
        graph: what has been added so far.
        variables: types of the Blueprint's variables by name.
    """

    def __init__(self, variables: dict[str, PinType]) -> None:
        self.graph = Graph()
        self.variables = variables

    def call(
        self,
        at: tuple[int, int],
        library: str,
        function: str,
        inputs: dict[str, Pin | str],
        *outputs: tuple[str, PinType],
        types: dict[str, PinType] | None = None,
        pure: bool = False,
        kind: str = "K2Node_CallFunction",
    ) -> Node:
        """A call. ``inputs`` maps parameter names to the pins that feed them, or to literal values."""
        owner = reference("Class", library)
        lines = [f'FunctionReference=(MemberParent={owner},MemberName="{function}")']
        if pure:
            lines.insert(0, "bDefaultsToPureFunc=True")
        node = self.graph.node(GRAPH + kind, at, *lines)
        if not pure:
            node.add("execute", EXEC)
            node.add("then", EXEC, is_output=True)
        for name, source in inputs.items():
            if isinstance(source, str):
                node.add(name, (types or {})[name], default=source)
            else:
                pin = node.add(name, (types or {}).get(name, _as_input(source.type)))
                self.graph.link(source, pin)
        for name, type_ in outputs:
            node.add(name, type_, is_output=True)
        return node

    def get(self, at: tuple[int, int], variable: str) -> Pin:
        """Reads a variable."""
        line = f'VariableReference=(MemberName="{variable}",bSelfContext=True)'
        node = self.graph.node(GRAPH + "K2Node_VariableGet", at, line)
        return node.add(variable, self.variables[variable], is_output=True)

    def set(self, at: tuple[int, int], variable: str, value: Pin) -> Node:
        """Writes a variable."""
        line = f'VariableReference=(MemberName="{variable}",bSelfContext=True)'
        node = self.graph.node(GRAPH + "K2Node_VariableSet", at, line)
        node.add("execute", EXEC)
        node.add("then", EXEC, is_output=True)
        self.graph.link(value, node.add(variable, self.variables[variable]))
        node.add("Output_Get", self.variables[variable], is_output=True)
        return node

    def branch(self, at: tuple[int, int], condition: Pin) -> Node:
        """Goes on at ``then`` or ``else``."""
        node = self.graph.node(GRAPH + "K2Node_IfThenElse", at)
        node.add("execute", EXEC)
        self.graph.link(condition, node.add("Condition", BOOL, default="true"))
        node.add("then", EXEC, is_output=True)
        node.add("else", EXEC, is_output=True)
        return node

    def for_each(self, at: tuple[int, int], items: Pin, item: PinType) -> Node:
        """The standard macro For Each Loop."""
        macro = (
            f"MacroGraph=\"/Script/Engine.EdGraph'{_MACROS}:ForEachLoop'\","
            f"GraphBlueprint=\"/Script/Engine.Blueprint'{_MACROS}'\",GraphGuid={_FOR_EACH}"
        )
        node = self.graph.node(GRAPH + "K2Node_MacroInstance", at, f"MacroGraphReference=({macro})")
        node.add("Exec", EXEC)
        self.graph.link(items, node.add("Array", array(item)))
        node.add("LoopBody", EXEC, is_output=True)
        node.add("Array Element", item, is_output=True)
        node.add("Array Index", INT, is_output=True)
        node.add("Completed", EXEC, is_output=True)
        return node

    def part(self, origin: tuple[int, int], size: tuple[int, int], title: str) -> None:
        """Begins a part of the graph: a titled frame; positions are relative to the origin inside it."""
        self.graph.origin = origin
        lines = [f"NodeWidth={size[0]}", f"NodeHeight={size[1]}", f'NodeComment="{title}"']
        self.graph.node("/Script/UnrealEd.EdGraphNode_Comment", (-60, -100), *lines)

    def then(self, *nodes: Node, start: str = "then") -> None:
        """Executes nodes one after the other; ``start`` is the output of the first."""
        for before, after in pairwise(nodes):
            entry = "Exec" if "MacroInstance" in after.kind else "execute"
            self.graph.link(before.output(start), after.input(entry))
            start = "then"

    def math(
        self, at: tuple[int, int], function: str, a: Pin | str, b: Pin | str, result: PinType = DOUBLE
    ) -> Pin:
        """A function of two numbers."""
        kind = INT if function.endswith("IntInt") else BOOL if function.startswith("Boolean") else DOUBLE
        types = {"A": kind, "B": kind}
        node = self.call(
            at, MATH, function, {"A": a, "B": b}, ("ReturnValue", result), types=types, pure=True
        )
        return node.output()

    def now(self, at: tuple[int, int]) -> Pin:
        """Seconds since the game began, also while it is paused."""
        outputs = ("ReturnValue", DOUBLE)
        node = self.call(at, "/Script/Engine.GameplayStatics", "GetRealTimeSeconds", {}, outputs, pure=True)
        return node.output()

    def integer(self, at: tuple[int, int], message: Pin, index: str) -> tuple[Node, Pin]:
        """One integer argument of a message."""
        types = {"Message": MESSAGE, "Index": INT}
        node = self.call(
            at,
            OSC,
            "GetInt32",
            {"Message": message, "Index": index},
            ("Value", INT),
            ("ReturnValue", BOOL),
            types=types,
        )
        return node, node.output("Value")

    def length(self, at: tuple[int, int], items: Pin, item: PinType) -> Pin:
        """Length of an array."""
        node = self.call(
            at,
            ARRAYS,
            "Array_Length",
            {"TargetArray": items},
            ("ReturnValue", INT),
            types={"TargetArray": array(item)},
            pure=True,
            kind="K2Node_CallArrayFunction",
        )
        return node.output()


def _as_input(type_: PinType) -> PinType:
    """The type that a parameter has when it is fed by a pin of this type."""
    return PinType(type_.category, type_.subcategory, type_.of, type_.container, type_.value)
