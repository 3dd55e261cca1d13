"""A VMC stream as receivers written by others take it over UDP: python-osc and the library vmcp."""

from __future__ import annotations

import threading
import time

import pytest
from pythonosc.dispatcher import Dispatcher
from pythonosc.osc_server import BlockingOSCUDPServer
from receivers import free_port, make_frame

from pmmlink.curves import ARKIT_52, LIVELINK_61
from pmmlink.sinks import make_sink

FRAMES = [make_frame(k, jawOpen=k / 10, mouthSmileLeft=0.25) for k in range(5)]


def test_a_python_osc_server_gets_every_face_whole_before_its_apply() -> None:
    faces: list[dict[str, float]] = []
    values: dict[str, float] = {}

    def on_value(_: str, name: str, value: float) -> None:
        values[name] = value

    dispatcher = Dispatcher()
    dispatcher.map("/VMC/Ext/Blend/Val", on_value)
    dispatcher.map("/VMC/Ext/Blend/Apply", lambda _: faces.append(dict(values)))
    server = BlockingOSCUDPServer(("127.0.0.1", 0), dispatcher)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    sink = make_sink(f"vmc://127.0.0.1:{server.server_address[1]}")
    sink.open(LIVELINK_61, FRAMES[0].fps, "Face")
    with sink:
        for frame in FRAMES:
            sink.send(frame)
        deadline = time.monotonic() + 10
        while len(faces) < len(FRAMES) and time.monotonic() < deadline:
            time.sleep(0.01)
    server.shutdown()
    thread.join()
    server.server_close()
    assert [face["JawOpen"] for face in faces] == pytest.approx([k / 10 for k in range(5)])
    assert all(len(face) == len(ARKIT_52) for face in faces)
    assert all(face["MouthSmileLeft"] == 0.25 for face in faces)


def test_the_vmc_library_vmcp_reads_values_and_apply_as_events() -> None:
    pytest.importorskip("osc4py3")
    pytest.importorskip("vmcp")
    from vmcp.events import BlendShapeApplyEvent, BlendShapeEvent
    from vmcp.facades import on_receive
    from vmcp.osc import OSC
    from vmcp.osc.backend.osc4py3 import as_eventloop

    port = free_port()
    seen: dict[str, list[float]] = {}
    applied: list[object] = []
    osc = OSC(as_eventloop)
    with osc.open():
        receiver = osc.create_receiver("127.0.0.1", port, "face").open()
        on_receive(receiver, BlendShapeEvent, lambda e: seen.setdefault(str(e.key), []).append(e.value))
        on_receive(receiver, BlendShapeApplyEvent, applied.append)
        sink = make_sink(f"vmc://127.0.0.1:{port}")
        sink.open(LIVELINK_61, FRAMES[0].fps, "Face")
        with sink:
            for frame in FRAMES:
                sink.send(frame)
            deadline = time.monotonic() + 10
            while len(applied) < len(FRAMES) and time.monotonic() < deadline:
                osc.run()
    assert len(applied) == len(FRAMES)
    assert len(seen) == len(ARKIT_52)
    assert next(seen[name] for name in seen if "JawOpen" in name) == pytest.approx([k / 10 for k in range(5)])
