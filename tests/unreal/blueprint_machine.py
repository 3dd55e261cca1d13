"""Reads Blueprint clipboard text and runs it, node by node, as the editor's documentation says of the nodes.

No Unreal Engine is at hand, so nothing here proves that the text compiles there. It proves that the graph is
whole and that its wiring does what it is meant to do.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

_BLOCK = re.compile(r'Begin Object Class=(\S+) Name="([^"]+)"\n(.*?)\nEnd Object', re.DOTALL)
_PIN = re.compile(r"^\s*CustomProperties Pin \((.*),\)$", re.MULTILINE)
_FIELD = re.compile(r'([\w.]+)=("(?:[^"])*"|\((?:[^()]|\([^()]*\))*\)|[^,]*)')


@dataclass
class ReadPin:
    """A pin as the text has it."""

    id: str
    name: str
    output: bool
    category: str
    subcategory: str
    container: str
    default: str
    links: list[tuple[str, str]]


@dataclass
class ReadNode:
    """A node as the text has it."""

    kind: str
    name: str
    body: str
    pins: list[ReadPin] = field(default_factory=list)

    def pin(self, name: str, output: bool) -> ReadPin:
        return next(pin for pin in self.pins if pin.name == name and pin.output == output)

    @property
    def member(self) -> str:
        """Name of the function, variable or delegate that the node is about."""
        found = re.search(r'MemberName="(\w+)"', self.body)
        return found.group(1) if found else ""


def read(text: str) -> dict[str, ReadNode]:
    """The nodes of a text by name."""
    nodes = {}
    for kind, name, body in _BLOCK.findall(text):
        node = ReadNode(kind.rpartition(".")[2], name, body)
        for line in _PIN.findall(body):
            fields = {key: value.strip('"') for key, value in _FIELD.findall(line)}
            links = re.findall(r"(\w+) ([0-9A-F]{32}),", fields.get("LinkedTo", ""))
            pin = ReadPin(
                fields["PinId"],
                fields["PinName"],
                fields.get("Direction") == "EGPD_Output",
                fields["PinType.PinCategory"],
                fields["PinType.PinSubCategory"],
                fields["PinType.ContainerType"],
                fields.get("DefaultValue", ""),
                links,
            )
            node.pins.append(pin)
        assert name not in nodes, f"two nodes are called {name}"
        nodes[name] = node
    return nodes


class Machine:
    """Variables, clock and mesh of an actor that has the graph.

    Attributes:
        variables: of the actor's Blueprint.
        now: what Get Real Time Seconds gives.
        morphs: what was set on the mesh.
        server: what Create OSC Server was called with; None before and after.
        bound: name of the event that the server calls.
    """

    def __init__(self, text: str, variables: dict[str, Any]) -> None:
        self.nodes = read(text)
        self.variables = variables
        self.now = 0.0
        self.morphs: dict[str, float] = {}
        self.server: dict[str, Any] | None = None
        self.bound = ""
        self._results: dict[tuple[str, str], Any] = {}

    def start(self) -> None:
        """Event BeginPlay."""
        self._run(self._call("CreateOSCServer"))

    def tick(self, now: float) -> None:
        """Event Tick."""
        self.now = now
        self._run(self._call("Map_Keys"))

    def stop(self) -> None:
        """Event EndPlay."""
        stop = self._call("Stop")
        ((branch, _),) = stop.pin("execute", False).links
        self._run(self.nodes[branch])

    def receive(self, address: str, arguments: list[Any], now: float) -> None:
        """The server has a message."""
        self.now = now
        event = next(node for node in self.nodes.values() if node.kind == "K2Node_CustomEvent")
        assert self.bound in event.body
        self._results[event.name, "Message"] = (address, arguments)
        self._follow(event, "then")

    def _call(self, function: str) -> ReadNode:
        (node,) = [node for node in self.nodes.values() if node.member == function]
        return node

    def _follow(self, node: ReadNode, output: str) -> None:
        for name, _ in node.pin(output, True).links:
            self._run(self.nodes[name])

    def _run(self, node: ReadNode) -> None:
        """Executes a node and what follows it."""
        match node.kind:
            case "K2Node_VariableSet":
                self.variables[node.member] = self._results[node.name, "Output_Get"] = self._input(
                    node, node.member
                )
                self._follow(node, "then")
            case "K2Node_IfThenElse":
                self._follow(node, "then" if self._input(node, "Condition") else "else")
            case "K2Node_SwitchString":
                case_ = self._input(node, "Selection")
                known = [pin.name for pin in node.pins if pin.output]
                self._follow(node, case_ if case_ in known else "Default")
            case "K2Node_MacroInstance":
                for index, item in enumerate(self._input(node, "Array")):
                    self._results[node.name, "Array Element"] = item
                    self._results[node.name, "Array Index"] = index
                    self._follow(node, "LoopBody")
                self._follow(node, "Completed")
            case "K2Node_AddDelegate":
                assert node.member == "OnOscMessageReceived"
                assert self._input(node, "self") is self.server
                ((event, _),) = node.pin("Delegate", False).links
                self.bound = re.search(r'CustomFunctionName="(\w+)"', self.nodes[event].body).group(1)  # type: ignore[union-attr]
                self._follow(node, "then")
            case "K2Node_CallFunction":
                self._evaluate(node)
                self._follow(node, "then")
            case other:
                raise AssertionError(f"{node.name}: {other} cannot be executed")

    def _input(self, node: ReadNode, name: str) -> Any:
        pin = node.pin(name, False)
        if not pin.links:
            return _literal(pin)
        ((source, pin_id),) = pin.links
        from_node = self.nodes[source]
        output = next(p.name for p in from_node.pins if p.id == pin_id)
        if not any(p.category == "exec" for p in from_node.pins):
            self._evaluate(from_node)  # Pure nodes run whenever they are asked.
        return self._results[source, output]

    def _evaluate(self, node: ReadNode) -> None:
        """Computes the outputs of a node."""
        if node.kind == "K2Node_VariableGet":
            self._results[node.name, node.member] = self.variables[node.member]
        elif node.kind == "K2Node_Self":
            self._results[node.name, "self"] = self
        elif node.kind == "K2Node_GetArrayItem":
            items = self._input(node, "Array")
            self._results[node.name, "Output"] = items[self._input(node, "Dimension 1")]
        else:
            inputs = {
                pin.name: self._input(node, pin.name)
                for pin in node.pins
                if not pin.output and pin.category not in ("exec", "class")
            }
            for name, value in _FUNCTIONS[node.member](self, inputs).items():
                self._results[node.name, name] = value


def _literal(pin: ReadPin) -> Any:
    match pin.category:
        case "bool":
            return pin.default == "true"
        case "int":
            return int(pin.default)
        case "real":
            return float(pin.default)
    return pin.default


def _returns(function: Callable[..., Any]) -> Callable[[Machine, dict[str, Any]], dict[str, Any]]:
    return lambda _, inputs: {"ReturnValue": function(*inputs.values())}


def _argument(type_: type) -> Callable[[Machine, dict[str, Any]], dict[str, Any]]:
    """Get OSC Message … at Index: the argument, and whether it is there and of that type."""

    def get(_: Machine, inputs: dict[str, Any]) -> dict[str, Any]:
        arguments, index = inputs["Message"][1], inputs["Index"]
        fits = index < len(arguments) and isinstance(arguments[index], type_)
        return {"Value": arguments[index] if fits else type_(), "ReturnValue": fits}

    return get


def _all(type_: type) -> Callable[[Machine, dict[str, Any]], dict[str, Any]]:
    return lambda _, inputs: {"Values": [item for item in inputs["Message"][1] if isinstance(item, type_)]}


def _create(machine: Machine, inputs: dict[str, Any]) -> dict[str, Any]:
    machine.server = dict(inputs)
    return {"ReturnValue": machine.server}


def _stop(machine: Machine, inputs: dict[str, Any]) -> dict[str, Any]:
    assert inputs["self"] is machine.server
    machine.server = None
    return {}


def _map_range(value: float, a: float, b: float, to_a: float, to_b: float) -> float:
    return to_a + (to_b - to_a) * min(max((value - a) / (b - a), 0.0), 1.0)


def _map_add(_: Machine, inputs: dict[str, Any]) -> dict[str, Any]:
    inputs["TargetMap"][inputs["Key"]] = inputs["Value"]
    return {}


def _map_find(_: Machine, inputs: dict[str, Any]) -> dict[str, Any]:
    key, items = inputs["Key"], inputs["TargetMap"]
    return {"Value": items.get(key, 0.0), "ReturnValue": key in items}


def _set_morph(machine: Machine, inputs: dict[str, Any]) -> dict[str, Any]:
    assert inputs["self"] == "mesh"
    machine.morphs[inputs["MorphTargetName"]] = inputs["Value"]
    return {}


_FUNCTIONS: dict[str, Callable[[Machine, dict[str, Any]], dict[str, Any]]] = {
    "Add_IntInt": _returns(lambda a, b: a + b),
    "Array_Length": _returns(len),
    "BooleanOR": _returns(lambda a, b: a or b),
    "Conv_StringToName": _returns(str),
    "CreateOSCServer": _create,
    "EqualEqual_IntInt": _returns(lambda a, b: a == b),
    "EqualEqual_StrStr": _returns(lambda a, b: a == b),
    "FMin": _returns(min),
    "GetAllFloats": _all(float),
    "GetAllStrings": _all(str),
    "GetComponentByClass": lambda _, __: {"ReturnValue": "mesh"},
    "GetInt32": _argument(int),
    "GetOSCAddressFullPath": _returns(str),
    "GetOSCMessageAddress": lambda _, inputs: {"ReturnValue": inputs["Message"][0]},
    "GetRealTimeSeconds": lambda machine, _: {"ReturnValue": machine.now},
    "GetString": _argument(str),
    "Greater_IntInt": _returns(lambda a, b: a > b),
    "IsEmpty": _returns(lambda text: text == ""),
    "IsValid": _returns(lambda item: item is not None),
    "MapRangeClamped": _returns(_map_range),
    "Map_Add": _map_add,
    "Map_Find": _map_find,
    "Map_Keys": lambda _, inputs: {"Keys": list(inputs["TargetMap"])},
    "Multiply_DoubleDouble": _returns(lambda a, b: a * b),
    "NotEqual_IntInt": _returns(lambda a, b: a != b),
    "SetMorphTarget": _set_morph,
    "Stop": _stop,
    "Subtract_DoubleDouble": _returns(lambda a, b: a - b),
}
