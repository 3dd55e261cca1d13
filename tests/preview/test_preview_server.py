"""The preview's server: what it sends, to whom, and at what cost. Real sockets on loopback."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import threading
import time
from fractions import Fraction

import numpy as np
import pytest

from pmmlink.curves import ARKIT_52, LIVELINK_61, MODEL_32
from pmmlink.errors import TargetError
from pmmlink.preview.head import load_head
from pmmlink.preview.hub import MAX_VIEWERS, QUEUE, Hub
from pmmlink.preview.pack import pack_head
from pmmlink.preview.recording import Recording
from pmmlink.preview.relay import Relay
from pmmlink.preview.server import PreviewServer
from pmmlink.preview.sink import PreviewSink
from pmmlink.preview.take import Animation
from pmmlink.receiver import Receiver
from pmmlink.resources import ASSETS
from pmmlink.sinks import Fanout
from pmmlink.types import CurveFrame
from pmmlink.wire import osc


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _get(server: PreviewServer, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    host, port = server.url.removeprefix("http://").rstrip("/").rsplit(":", 1)
    connection = http.client.HTTPConnection(host, int(port), timeout=10)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, dict(answer.getheaders()), body


class _Page:
    """What a browser does with the stream: keeps it open and collects frames."""

    def __init__(self, url: str) -> None:
        host, port = url.removeprefix("http://").rstrip("/").rsplit(":", 1)
        self.connection = http.client.HTTPConnection(host, int(port), timeout=10)
        self.connection.request("GET", "/stream")
        self.answer = self.connection.getresponse()

    def event(self) -> tuple[str, bytes]:
        """The next event that is not a heartbeat: its name and its data."""
        name = "message"
        while True:
            line = self.answer.readline()
            if not line:
                return "closed", b""
            if line.startswith(b"event: "):
                name = line[7:].strip().decode()
            elif line.startswith(b"data: "):
                return name, line[6:].strip()

    def frame(self) -> np.ndarray:
        name, data = self.event()
        assert name == "message"
        return np.frombuffer(base64.b64decode(data), "<f4")

    def close(self) -> None:
        self.answer.close()
        self.connection.close()


def _wait_for(condition, wait_s: float = 5.0) -> None:
    deadline = time.monotonic() + wait_s
    while not condition():
        assert time.monotonic() < deadline, "never came true"
        time.sleep(0.01)


def _values(**curves: float) -> np.ndarray:
    values = np.zeros(52, np.float32)
    for name, value in curves.items():
        values[ARKIT_52.index(name)] = value
    return values


def test_two_viewers_get_every_frame_in_order():
    with PreviewServer("two", port=0) as server:
        pages = [_Page(server.url), _Page(server.url)]
        _wait_for(lambda: server.hub.viewers == 2)
        for k in range(5):
            assert server.hub.publish(_values(jawOpen=k / 10))
            for page in pages:
                np.testing.assert_array_equal(page.frame(), _values(jawOpen=k / 10))
        for page in pages:
            page.close()


def test_a_viewer_that_left_is_forgotten():
    with PreviewServer("gone", port=0) as server:
        page = _Page(server.url)
        _wait_for(lambda: server.hub.viewers == 1)
        page.close()

        def forgotten() -> bool:
            server.hub.publish(_values())
            return server.hub.viewers == 0

        _wait_for(forgotten)


def test_without_a_viewer_nothing_is_encoded_and_nothing_is_kept():
    hub = Hub()
    assert not hub.publish(_values(jawOpen=1))
    viewer = hub.join()
    assert viewer is not None
    assert not viewer.waiting


def test_a_viewer_that_does_not_keep_up_loses_the_oldest_frames_and_they_are_counted():
    hub = Hub()
    viewer = hub.join()
    for k in range(QUEUE + 3):
        hub.publish(_values(jawOpen=k))
    assert hub.dropped == 3
    frames = hub.take(viewer, 0).strip().split(b"\n\n")
    newest = np.frombuffer(base64.b64decode(frames[-1].removeprefix(b"data: ")), "<f4")
    assert newest[ARKIT_52.index("jawOpen")] == QUEUE + 2


def test_more_viewers_than_allowed_are_turned_away():
    hub = Hub()
    assert all(hub.join() is not None for _ in range(MAX_VIEWERS))
    assert hub.join() is None


def test_closing_lets_the_viewers_go_and_frees_the_port():
    port = _free_port()
    server = PreviewServer("close", port=port).start()
    page = _Page(server.url)
    _wait_for(lambda: server.hub.viewers == 1)
    server.hub.announce("end")
    server.close()
    assert page.event()[0] == "end"
    assert page.event()[0] == "closed"
    page.close()
    PreviewServer("again", port=port).start().close()


def test_a_taken_port_is_refused_and_another_is_named():
    with PreviewServer("first", port=0) as first, pytest.raises(TargetError, match="is another preview open"):
        PreviewServer("second", port=int(first.url.rstrip("/").rsplit(":", 1)[1]))


def test_only_this_machine_can_reach_it_unless_told_otherwise():
    with PreviewServer("local", port=0) as server:
        assert server.url.startswith("http://127.0.0.1:")
        port = int(server.url.rstrip("/").rsplit(":", 1)[1])
        others = {a[4][0] for a in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} - {
            "127.0.0.1"
        }
        for address in others:
            with pytest.raises(OSError, match=r"."), socket.create_connection((address, port), timeout=1):
                pass


def test_a_page_of_another_site_is_refused():
    with PreviewServer("rebound", port=0) as server:
        assert _get(server, "/session.json", Host="evil.example")[0] == 403
        assert _get(server, "/session.json")[0] == 200


@pytest.mark.parametrize("path", ["/", *(f"/{part.name}" for part in ASSETS.glob("preview*.[cj]s*"))])
def test_the_page_and_its_parts_are_served(path):
    with PreviewServer("page", port=0) as server:
        status, headers, body = _get(server, path)
    assert status == 200
    assert len(body) > 500
    assert "default-src 'self'" in headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/nothing", "/../pyproject.toml", "/take.bin", "/sound"])
def test_what_is_not_offered_is_not_found(path):
    with PreviewServer("none", port=0) as server:
        assert _get(server, path)[0] == 404


def test_a_take_is_sent_whole_and_its_sound_in_the_parts_asked_for(tmp_path):
    sound = tmp_path / "take.wav"
    sound.write_bytes(bytes(range(256)) * 4)
    values = np.random.default_rng(0).uniform(0, 1, (7, 52)).astype(np.float32)
    with PreviewServer("take", Recording(Animation(values, Fraction(30)), sound), port=0) as server:
        session = json.loads(_get(server, "/session.json")[2])
        assert session["take"] == {"frames": 7, "fps": 30.0, "sound": True}
        np.testing.assert_array_equal(
            np.frombuffer(_get(server, "/take.bin")[2], "<f4").reshape(7, 52), values
        )
        assert _get(server, "/sound")[2] == sound.read_bytes()
        status, headers, body = _get(server, "/sound", Range="bytes=10-19")
        assert (status, headers["Content-Range"], body) == (206, "bytes 10-19/1024", bytes(range(10, 20)))
        assert _get(server, "/sound", Range="bytes=1000-")[2] == bytes(range(232, 256))
        assert _get(server, "/sound", Range="bytes=-5")[2] == bytes(range(251, 256))
        assert _get(server, "/sound", Range="bytes=2000-")[0] == 416


def test_a_request_that_makes_no_sense_does_not_end_the_server():
    with PreviewServer("hostile", port=0) as server:
        host, port = server.url.removeprefix("http://").rstrip("/").rsplit(":", 1)
        for rubbish in (
            b"\x00\xff\r\n\r\n",
            b"GET " + b"A" * 70_000,
            b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        ):
            with socket.create_connection((host, int(port)), timeout=5) as client:
                client.sendall(rubbish)
        assert _get(server, "/session.json")[0] == 200


def test_the_packed_head_gives_the_mesh_that_the_curves_make():
    head = load_head()
    packed = pack_head(head)
    length = int.from_bytes(packed[:4], "little")
    directory = json.loads(packed[4 : 4 + length])
    arrays = {
        name: np.frombuffer(packed, "<" + place["type"], place["length"], 4 + length + place["offset"])
        for name, place in directory["arrays"].items()
    }
    values = np.random.default_rng(2).uniform(0, 1, 52).astype(np.float32)
    mesh = arrays["positions"].reshape(-1, 3).copy()
    start = 0
    for curve, count in enumerate(arrays["deltaCount"]):
        rows = slice(start, start + count)
        offsets = arrays["deltaValue"].reshape(-1, 3)[rows] * arrays["deltaScale"][curve]
        mesh[arrays["deltaVertex"][rows]] += values[curve] * offsets
        start += count
    np.testing.assert_allclose(mesh, head.vertices_for(values), atol=4e-5)
    gap_mm = 1000 * (mesh[directory["lipUpper"], 1] - mesh[directory["lipLower"], 1])
    assert gap_mm == pytest.approx(float(head.lip_gap_mm(values)), abs=0.08)


# ---- the sink


@pytest.mark.parametrize(
    "url",
    ["preview:", "preview:9001", "preview://127.0.0.1:9001", "preview://localhost", "preview://[::1]:9001"],
)
def test_the_targets_a_user_may_write(url):
    assert PreviewSink(url).url == url


@pytest.mark.parametrize(
    "url", ["preview:0", "preview:70000", "preview://host:x", "preview:/etc", "preview", "osc://x"]
)
def test_other_targets_are_refused_with_the_forms(url):
    with pytest.raises(TargetError, match="preview://HOST:PORT"):
        PreviewSink(url)


def test_frames_of_a_stream_reach_the_page_by_name():
    port = _free_port()
    events: list[str] = []
    fanout = Fanout([PreviewSink(f"preview:{port}")], on_event=events.append)
    fanout.open(MODEL_32, Fraction(30), "Ada")
    page = _Page(f"http://127.0.0.1:{port}/")
    assert f"http://127.0.0.1:{port}/" in events[0]
    model = np.zeros(32, np.float32)
    model[MODEL_32.index("mouthPucker")] = 0.5
    fanout.send(CurveFrame(0, Fraction(30), MODEL_32, model))
    np.testing.assert_array_equal(page.frame()[:52], _values(mouthPucker=0.5))
    fanout.close()
    assert page.event()[0] == "end"
    page.close()
    (stats,) = fanout.stats.values()
    assert (stats.sent, stats.dropped) == (1, 0)


def test_a_frame_that_is_not_finite_never_reaches_the_page():
    sink = PreviewSink(f"preview:{_free_port()}")
    with sink:
        sink.open(ARKIT_52, Fraction(30), "Ada")
        sink.send(CurveFrame(0, Fraction(30), ARKIT_52, np.full(52, np.nan, np.float32)))
    assert (sink.stats.sent, sink.stats.dropped) == (0, 1)


def test_a_frame_without_viewers_costs_next_to_nothing():
    sink = PreviewSink(f"preview:{_free_port()}")
    with sink:
        sink.open(LIVELINK_61, Fraction(30), "Ada")
        frame = CurveFrame(0, Fraction(30), LIVELINK_61, np.zeros(61, np.float32))
        started = time.process_time()
        for _ in range(1000):
            sink.send(frame)
        per_frame_s = (time.process_time() - started) / 1000
    assert per_frame_s < 0.0005


# ---- what a receiver hears


def test_what_is_received_is_shown_eased_and_reported():
    hub = Hub()
    receiver = Receiver()
    relay = Relay(receiver, hub)
    viewer = hub.join()
    model = np.zeros(32, np.float32)
    model[MODEL_32.index("jawOpen")] = 0.8
    receiver.push(osc.encode(osc.Frame("Ada", 7, 0, 0, 30, 1, tuple(model.tolist()))), 10.0, "a")
    jaws = []
    for now_s in (10.0, 10.2, 10.5, 11.0):
        relay.tick(now_s)
        message = hub.take(viewer, 0) or b""
        frames = [part for part in message.split(b"\n\n") if part.startswith(b"data: ")]
        if frames:
            values = np.frombuffer(base64.b64decode(frames[0].removeprefix(b"data: ")), "<f4")
            jaws.append(float(values[ARKIT_52.index("jawOpen")]))
    assert jaws[0] == pytest.approx(0.8)
    assert jaws[1] == pytest.approx(0.8)
    assert 0.1 < jaws[2] < 0.7
    assert len(jaws) == 3, "a neutral face is not sent again and again"


def test_a_thread_that_publishes_and_threads_that_watch_do_not_block_each_other():
    hub = Hub()
    viewers = [hub.join() for _ in range(4)]
    got = [0] * 4

    def watch(k: int) -> None:
        while (message := hub.take(viewers[k], 1.0)) is not None:
            got[k] += message.count(b"data: ")

    threads = [threading.Thread(target=watch, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(300):
        hub.publish(_values())
        time.sleep(0.0005)
    hub.close()
    for thread in threads:
        thread.join(5)
    assert all(count + viewer.dropped == 300 for count, viewer in zip(got, viewers, strict=True))
