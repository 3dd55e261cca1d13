"""Streams of other rigs, received as they are sent, and shown on a head that has ARKit's curves."""

from __future__ import annotations

import base64
import json
import socket
from fractions import Fraction

import numpy as np
import pytest

from pmmlink.curves import ARKIT_52, LIVELINK_61, CurveSet
from pmmlink.preview.hub import Hub
from pmmlink.preview.relay import Relay
from pmmlink.preview.rig_view import RigView
from pmmlink.receiver import Receiver, UdpListener
from pmmlink.resources import shipped_rigs
from pmmlink.retarget.rig_file import shipped_rig
from pmmlink.sinks import make_sink
from pmmlink.types import CurveFrame
from pmmlink.wire.target import parse_target

FPS = Fraction(30)
RIGS = [name for name in shipped_rigs() if name != "arkit"]


def _face(**curves: float) -> np.ndarray:
    face = np.zeros(52, np.float32)
    for name, value in curves.items():
        face[ARKIT_52.index(name)] = value
    return face


@pytest.mark.parametrize("name", ["cc3", "cc4"])
def test_a_rig_that_renames_is_shown_as_it_was_meant(name: str) -> None:
    rig = shipped_rig(name)
    sent = _face(jawOpen=0.6, mouthSmileLeft=0.4, mouthSmileRight=0.4)
    face = RigView()(CurveFrame(0, FPS, rig.curves, rig.apply(sent[None])[0]))
    shown = dict(zip(LIVELINK_61.names, face, strict=True))
    assert shown["jawOpen"] == pytest.approx(0.6, abs=0.05)
    assert shown["mouthSmileLeft"] == pytest.approx(0.4, abs=0.05)


@pytest.mark.parametrize("name", RIGS)
def test_what_is_shown_of_a_rig_would_give_the_rig_s_curves_again(name: str) -> None:
    rig = shipped_rig(name)
    values = rig.apply(_face(jawOpen=0.3, mouthFunnel=0.2)[None])[0]
    shown = RigView()(CurveFrame(0, FPS, rig.curves, values))
    again = rig.apply(shown[None, :52])[0]
    assert np.abs(again - values).max() < 0.2


def test_a_rig_nobody_knows_leaves_the_head_at_rest_and_nan_is_no_face() -> None:
    view = RigView()
    assert not view(CurveFrame(0, FPS, CurveSet("other", ("mund", "nase")), np.ones(2, np.float32))).any()
    assert view.rig == ""
    vrm = shipped_rig("vrm").curves
    assert np.isfinite(view(CurveFrame(0, FPS, vrm, np.full(5, np.nan, np.float32)))).all()


@pytest.mark.parametrize("name", RIGS)
def test_a_rig_sent_over_osc_is_received_and_moves_the_drawn_head(name: str) -> None:
    rig = shipped_rig(name)
    hub, receiver = Hub(), Receiver()
    relay, viewer = Relay(receiver, hub), hub.join()
    values = rig.apply(_face(jawOpen=0.7)[None])[0]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"osc://127.0.0.1:{probe.getsockname()[1]}"
    with UdpListener(parse_target(url)) as listener:
        sink = make_sink(url)
        sink.open(rig.curves, FPS, "Anna")
        with sink:
            for k in range(4):
                sink.send(CurveFrame(k, FPS, rig.curves, values))
        while (datagram := listener.receive(0.3)) is not None:
            receiver.push(datagram.data, datagram.arrival_s, datagram.sender)
            now_s = datagram.arrival_s
    (subject,) = receiver.subjects.values()
    assert len(subject.frame_at(now_s + 1e-3).curves) == len(rig.curves)
    relay.tick(now_s + 2e-3)
    events = (hub.take(viewer, 0) or b"").split(b"\n\n")
    frame = next(event for event in events if event.startswith(b"data: "))
    jaw = np.frombuffer(base64.b64decode(frame[6:]), "<f4")[LIVELINK_61.index("jawOpen")]
    assert jaw > 0.3
    status = next(event for event in events if event.startswith(b"event: status"))
    assert f"the rig {name}" in json.loads(status.split(b"data: ")[1])["text"]
