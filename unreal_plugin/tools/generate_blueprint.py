"""Writes ``blueprint/PMMLinkReceiver.t3d.txt``: a receiver to paste into an actor's event graph.

Run ``python unreal_plugin/tools/generate_blueprint.py`` after a change here; ``--check`` only compares.

What the graph does: an OSC server of the built-in plugin on a port variable; names and frames by subject,
newer frames only; a map of curves; hold and ease to neutral when frames stop; morph targets of the same names
on the actor's skeletal mesh. It has no entry events of its own, because the editor turns a pasted second
BeginPlay into something else: three nodes wait to be connected to the events that every actor's graph has.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from blueprint_nodes import (
    ADDRESS,
    CURVE_MAP,
    GRAPH,
    MAPS,
    MATH,
    MESH,
    MESSAGE,
    OBJECT,
    OSC,
    SERVER,
    STRINGS,
    SYSTEM,
    Nodes,
)
from t3d import (
    BOOL,
    DOUBLE,
    EXEC,
    FLOAT,
    INT,
    NAME,
    STRING,
    Graph,
    Node,
    Pin,
    PinType,
    array,
    object_of,
    reference,
    struct_of,
)

OUTPUT = Path(__file__).resolve().parents[1] / "blueprint" / "PMMLinkReceiver.t3d.txt"

# What the user makes by hand first: name -> type, default, what for.
VARIABLES: dict[str, tuple[PinType, str, str]] = {
    "PMMLinkPort": (INT, "8000", "UDP port that pmmlink sends to"),
    "PMMLinkSubject": (STRING, "", "face to receive; empty takes any"),
    "PMMLinkServer": (SERVER, "", "the OSC server, kept alive by this variable"),
    "PMMLinkNames": (array(STRING), "", "subject and curve names, as they came"),
    "PMMLinkCurves": (CURVE_MAP, "", "value of each curve, as it came"),
    "PMMLinkSession": (INT, "0", "the sender's run"),
    "PMMLinkSeq": (INT, "-1", "number of the newest frame"),
    "PMMLinkLast": (DOUBLE, "-10.0", "when the newest frame came, in seconds"),
}

HOLD_S = "0.25"
NEUTRAL_S = "0.75"


class Receiver(Nodes):
    """The parts of the receiver, in the order in which messages go through them."""

    def __init__(self) -> None:
        super().__init__({name: type_ for name, (type_, _, _) in VARIABLES.items()})

    def start(self) -> Pin:
        """Opens the server and listens; returns the message that comes in."""
        self.part((0, 0), (1620, 460), "1. Connect Event BeginPlay to Create OSC Server")
        self_node = self.graph.node(GRAPH + "K2Node_Self", (0, 230))
        this = self_node.add("self", PinType("object", "self"), is_output=True)
        inputs: dict[str, Pin | str] = {
            "ReceiveIPAddress": "0.0.0.0",
            "Port": self.get((0, 160), "PMMLinkPort"),
            "bMulticastLoopback": "false",
            "bStartListening": "true",
            "ServerName": "PMMLink",
            "Outer": this,
        }
        types = {
            "ReceiveIPAddress": STRING,
            "bMulticastLoopback": BOOL,
            "bStartListening": BOOL,
            "ServerName": STRING,
            "Outer": OBJECT,
        }
        create = self.call((300, 0), OSC, "CreateOSCServer", inputs, ("ReturnValue", SERVER), types=types)
        keep = self.set((760, 0), "PMMLinkServer", create.output())
        event, message = self.message_event((760, 160))
        bind = self.bind((1160, 0), keep.output("Output_Get"), event)
        self.then(create, keep, bind)
        return message

    def message_event(self, at: tuple[int, int]) -> tuple[Pin, Pin]:
        """The event that the server calls: its delegate and its message."""
        parameters = {"Message": MESSAGE, "IPAddress": PinType("string", by_ref=True), "Port": INT}
        node = self.graph.node(GRAPH + "K2Node_CustomEvent", at, 'CustomFunctionName="PMMLinkMessage"')
        delegate = node.add("OutputDelegate", PinType("delegate"), is_output=True)
        node.add("then", EXEC, is_output=True)
        for name, type_ in parameters.items():
            node.add(name, type_, is_output=True)
            fields = [f'PinCategory="{type_.category}"']
            if type_.of != "None":
                fields.append(f"PinSubCategoryObject={type_.of}")
            if type_.by_ref:
                fields += ["bIsReference=True", "bIsConst=True"]
            pin = f'PinName="{name}",PinType=({",".join(fields)}),DesiredPinDirection=EGPD_Output'
            node.trailer.append(f"CustomProperties UserDefinedPin ({pin})")
        return delegate, node.output("Message")

    def bind(self, at: tuple[int, int], server: Pin, event: Pin) -> Node:
        """Bind Event to On Osc Message Received."""
        owner = reference("Class", "/Script/OSC.OSCServer")
        line = f'DelegateReference=(MemberParent={owner},MemberName="OnOscMessageReceived")'
        node = self.graph.node(GRAPH + "K2Node_AddDelegate", at, line)
        node.add("execute", EXEC)
        node.add("then", EXEC, is_output=True)
        self.graph.link(server, node.add("self", SERVER))
        package = reference("Package", "/Script/OSC")
        signature = f'MemberParent={package},MemberName="OSCReceivedMessageEvent__DelegateSignature"'
        self.graph.link(event, node.add("Delegate", PinType("delegate", by_ref=True, signature=signature)))
        return node

    def messages(self, message: Pin) -> None:
        """Sorts the messages of our subject by address."""
        self.part((0, 520), (2600, 400), "Every OSC message: is it our subject, and what is it?")
        subject = self.call(
            (0, 0),
            OSC,
            "GetString",
            {"Message": message, "Index": "0"},
            ("Value", STRING),
            ("ReturnValue", BOOL),
            types={"Message": MESSAGE, "Index": INT},
        )
        wanted = self.get((0, 210), "PMMLinkSubject")
        any_ = self.call(
            (300, 120), STRINGS, "IsEmpty", {"InString": wanted}, ("ReturnValue", BOOL), pure=True
        )
        same = self.call(
            (300, 200),
            STRINGS,
            "EqualEqual_StrStr",
            {"A": subject.output("Value"), "B": wanted},
            ("ReturnValue", BOOL),
            pure=True,
        )
        ours = self.math((540, 140), "BooleanOR", any_.output(), same.output(), BOOL)
        is_ours = self.branch((760, 0), ours)
        address = self.call(
            (1020, 0),
            OSC,
            "GetOSCMessageAddress",
            {"Message": message},
            ("ReturnValue", struct_of("/Script/OSC.OSCAddress")),
            types={"Message": MESSAGE},
        )
        path = self.call(
            (1420, 0),
            OSC,
            "GetOSCAddressFullPath",
            {"Address": address.output()},
            ("ReturnValue", STRING),
            types={"Address": ADDRESS},
        )
        switch = self.switch((1860, 0), path.output())
        self.then(message.node, subject, is_ours, address, path, switch)
        self.names(message, switch)
        self.frame(message, switch)
        self.bye(message, switch)

    def switch(self, at: tuple[int, int], text: Pin) -> Node:
        """Switch on String over the three addresses."""
        cases = ["/pmmlink/1/names", "/pmmlink/1/frame", "/pmmlink/1/bye"]
        node = self.graph.node(
            GRAPH + "K2Node_SwitchString", at, *(f'PinNames({i})="{case}"' for i, case in enumerate(cases))
        )
        node.add("Default", EXEC, is_output=True)
        node.add("execute", EXEC)
        self.graph.link(text, node.add("Selection", STRING))
        compare = node.add("NotEqual_StriStri", object_of(STRINGS))
        compare.hidden, compare.default_object = True, "/Script/Engine.Default__KismetStringLibrary"
        for case in cases:
            node.add(case, EXEC, is_output=True)
        return node

    def names(self, message: Pin, switch: Node) -> None:
        """Keeps the names."""
        self.part((0, 1040), (860, 280), "Names: the subject first, then one for each value")
        strings = self.call(
            (0, 0),
            OSC,
            "GetAllStrings",
            {"Message": message},
            ("Values", array(STRING)),
            types={"Message": MESSAGE},
        )
        keep = self.set((420, 0), "PMMLinkNames", strings.output("Values"))
        self.then(switch, strings, keep, start="/pmmlink/1/names")

    def frame(self, message: Pin, switch: Node) -> None:
        """Takes a frame that is newer than the last one."""
        self.part((0, 1560), (4480, 540), "A frame: a new session, or a higher number, is taken")
        get_session, session = self.integer((0, 0), message, "1")
        get_seq, seq = self.integer((320, 0), message, "2")
        other = self.math(
            (620, 200), "NotEqual_IntInt", session, self.get((340, 220), "PMMLinkSession"), BOOL
        )
        newer = self.math((620, 310), "Greater_IntInt", seq, self.get((340, 320), "PMMLinkSeq"), BOOL)
        is_newer = self.branch((1040, 0), self.math((840, 240), "BooleanOR", other, newer, BOOL))
        keep_session = self.set((1280, 0), "PMMLinkSession", session)
        keep_seq = self.set((1540, 0), "PMMLinkSeq", seq)
        floats = self.call(
            (1800, 0),
            OSC,
            "GetAllFloats",
            {"Message": message},
            ("Values", array(FLOAT)),
            types={"Message": MESSAGE},
        )
        values = floats.output("Values")
        names = self.get((1800, 240), "PMMLinkNames")
        named = self.math(
            (2580, 230),
            "EqualEqual_IntInt",
            self.length((2080, 220), names, STRING),
            self.math((2360, 310), "Add_IntInt", self.length((2080, 320), values, FLOAT), "1", INT),
            BOOL,
        )
        is_named = self.branch((2820, 0), named)
        loop = self.for_each((3060, 0), values, FLOAT)
        position = self.math((3320, 280), "Add_IntInt", loop.output("Array Index"), "1", INT)
        item = self.graph.node(GRAPH + "K2Node_GetArrayItem", (3520, 240))
        self.graph.link(names, item.add("Array", array(STRING)))
        self.graph.link(position, item.add("Dimension 1", INT))
        text = item.add("Output", STRING, is_output=True)
        name = self.call(
            (3780, 260), STRINGS, "Conv_StringToName", {"InString": text}, ("ReturnValue", NAME), pure=True
        )
        add = self.call(
            (4100, 0),
            MAPS,
            "Map_Add",
            {
                "TargetMap": self.get((3780, 160), "PMMLinkCurves"),
                "Key": name.output(),
                "Value": loop.output("Array Element"),
            },
            types={"TargetMap": CURVE_MAP, "Key": NAME, "Value": DOUBLE},
        )
        last = self.set((4100, 280), "PMMLinkLast", self.now((3780, 360)))
        self.then(
            switch,
            get_session,
            get_seq,
            is_newer,
            keep_session,
            keep_seq,
            floats,
            is_named,
            loop,
            start="/pmmlink/1/frame",
        )
        self.then(loop, add, start="LoopBody")
        self.then(loop, last, start="Completed")

    def bye(self, message: Pin, switch: Node) -> None:
        """Lets the face relax at once, as if frames had stopped a hold ago."""
        self.part((1000, 1040), (1640, 420), "Bye of this session: relax at once")
        get_session, session = self.integer((0, 0), message, "1")
        same = self.math(
            (340, 140), "EqualEqual_IntInt", session, self.get((120, 200), "PMMLinkSession"), BOOL
        )
        is_same = self.branch((620, 0), same)
        held = self.math((840, 140), "Subtract_DoubleDouble", self.now((580, 240)), HOLD_S)
        earlier = self.math((1080, 150), "FMin", held, self.get((840, 270), "PMMLinkLast"))
        relax = self.set((1280, 0), "PMMLinkLast", earlier)
        self.then(switch, get_session, is_same, relax, start="/pmmlink/1/bye")

    def tick(self) -> None:
        """Puts the curves on the mesh, eased by how long the last frame is ago."""
        title = "2. Connect Event Tick to Keys: the face, held for 0.25 s, then eased to neutral"
        self.part((0, 2240), (2960, 620), title)
        curves = self.get((0, 100), "PMMLinkCurves")
        keys = self.call(
            (260, 0),
            MAPS,
            "Map_Keys",
            {"TargetMap": curves},
            ("Keys", array(NAME)),
            types={"TargetMap": CURVE_MAP},
        )
        loop = self.for_each((620, 0), keys.output("Keys"), NAME)
        key = loop.output("Array Element")
        silence = self.math(
            (240, 280), "Subtract_DoubleDouble", self.now((0, 260)), self.get((0, 340), "PMMLinkLast")
        )
        x = self.call(
            (460, 260),
            MATH,
            "MapRangeClamped",
            {
                "Value": silence,
                "InRangeA": HOLD_S,
                "InRangeB": NEUTRAL_S,
                "OutRangeA": "0.0",
                "OutRangeB": "1.0",
            },
            ("ReturnValue", DOUBLE),
            types={name: DOUBLE for name in ("Value", "InRangeA", "InRangeB", "OutRangeA", "OutRangeB")},
            pure=True,
        ).output()
        # 1 - x x (3 - 2 x): smooth at both ends.
        square = self.math((820, 280), "Multiply_DoubleDouble", x, x)
        rest = self.math(
            (1060, 400),
            "Subtract_DoubleDouble",
            "3.0",
            self.math((820, 400), "Multiply_DoubleDouble", x, "2.0"),
        )
        relaxed = self.math((1260, 300), "Multiply_DoubleDouble", square, rest)
        keep = self.math((1480, 280), "Subtract_DoubleDouble", "1.0", relaxed)
        found = self.call(
            (1100, 120),
            MAPS,
            "Map_Find",
            {"TargetMap": curves, "Key": key},
            ("Value", DOUBLE),
            ("ReturnValue", BOOL),
            types={"TargetMap": CURVE_MAP, "Key": NAME},
            pure=True,
        )
        value = self.math((1720, 200), "Multiply_DoubleDouble", found.output("Value"), keep)
        mesh = self.mesh((2040, 220))
        apply = self.call(
            (2480, 0),
            "/Script/Engine.SkeletalMeshComponent",
            "SetMorphTarget",
            {"self": mesh, "MorphTargetName": key, "Value": value, "bRemoveZeroWeight": "true"},
            types={"self": MESH, "MorphTargetName": NAME, "Value": FLOAT, "bRemoveZeroWeight": BOOL},
        )
        self.then(keys, loop)
        self.then(loop, apply, start="LoopBody")

    def mesh(self, at: tuple[int, int]) -> Pin:
        """The actor's first skeletal mesh: change this node for an actor with several."""
        node = self.call(at, "/Script/Engine.Actor", "GetComponentByClass", {}, pure=True)
        component = node.add(
            "ComponentClass", PinType("class", of=reference("Class", "/Script/Engine.ActorComponent"))
        )
        component.default_object = "/Script/Engine.SkeletalMeshComponent"
        return node.add("ReturnValue", MESH, is_output=True)

    def stop(self) -> None:
        """Frees the port."""
        self.part((1800, 0), (1140, 300), "3. Connect Event EndPlay to Branch: the port is free again")
        server = self.get((0, 100), "PMMLinkServer")
        valid = self.call(
            (220, 100),
            SYSTEM,
            "IsValid",
            {"Object": server},
            ("ReturnValue", BOOL),
            types={"Object": OBJECT},
            pure=True,
        )
        is_valid = self.branch((500, 0), valid.output())
        stop = self.call((760, 0), "/Script/OSC.OSCServer", "Stop", {"self": server}, types={"self": SERVER})
        self.then(is_valid, stop)


def build() -> Graph:
    """The whole receiver."""
    receiver = Receiver()
    message = receiver.start()
    receiver.messages(message)
    receiver.tick()
    receiver.stop()
    return receiver.graph


def main() -> int:
    """Writes or checks the file; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 on a difference")
    args = parser.parse_args()
    text = build().text()
    if args.check:
        if not OUTPUT.is_file() or OUTPUT.read_text(encoding="utf-8") != text:
            sys.stderr.write(f"{OUTPUT.name} is not what the description says: run {Path(__file__).name}\n")
            return 1
        return 0
    OUTPUT.write_text(text, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
