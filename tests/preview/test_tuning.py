"""Sliders: what the page may send, what becomes of it, and who may send it. Real requests on loopback."""

from __future__ import annotations

import http.client
import json
import os
import socket
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmmlink.curves import ARKIT_52, LIVELINK_61, MODEL_32
from pmmlink.errors import ProfileError
from pmmlink.preview.recording import Recording
from pmmlink.preview.server import PreviewServer
from pmmlink.preview.take import Animation
from pmmlink.preview.tuning import Tuning
from pmmlink.preview.tuning_message import MAX_MESSAGE_BYTES
from pmmlink.retarget import Profile, ProfileWatcher, load_profile, save_profile
from pmmlink.retarget.profile import find_conflict

JAW = LIVELINK_61.index("jawOpen")


def _tuning(profile: Profile | None = None, target: Path | None = None) -> Tuning:
    """Thirty frames of a jaw half open."""
    values = np.zeros((30, len(MODEL_32)), np.float32)
    values[:, MODEL_32.index("jawOpen")] = 0.4
    return Tuning(profile or Profile(name="anna"), values, Fraction(30), target=target)


def _send(tuning: Tuning, **message: object) -> dict[str, object]:
    return tuning.apply(json.dumps(message).encode())


def test_a_slider_moves_the_take_and_is_undone_redone_compared_and_reverted() -> None:
    tuning = _tuning()
    assert tuning.values()[0, JAW] == pytest.approx(0.4)
    state = _send(tuning, do="set", curve="jawOpen", settings={"gain": 1.5})
    assert tuning.values()[0, JAW] == pytest.approx(0.6)
    assert state["changed"]
    assert state["differs"] == ["jawOpen"]
    _send(tuning, do="compare", on=True)
    assert tuning.values()[0, JAW] == pytest.approx(0.4), "A shows the file"
    _send(tuning, do="compare", on=False)
    assert tuning.values()[0, JAW] == pytest.approx(0.6), "B shows the changes"
    assert not _send(tuning, do="undo")["changed"]
    assert _send(tuning, do="redo")["changed"]
    assert not _send(tuning, do="revert")["changed"]
    assert tuning.values()[0, JAW] == pytest.approx(0.4)
    _send(tuning, do="undo")
    assert tuning.values()[0, JAW] == pytest.approx(0.6), "reverting can be undone"


def test_a_change_while_comparing_shows_itself() -> None:
    tuning = _tuning()
    _send(tuning, do="set", curve="jawOpen", settings={"gain": 1.5})
    _send(tuning, do="compare", on=True)
    state = _send(tuning, do="set", curve="jawOpen", settings={"gain": 2})
    assert not state["comparing"]
    assert tuning.values()[0, JAW] == pytest.approx(0.8)


def test_a_drag_is_one_step_of_undo_and_the_next_drag_another() -> None:
    tuning = _tuning()
    for gain, done in ((1.1, False), (1.2, False), (1.3, True), (1.4, False), (1.5, True)):
        _send(tuning, do="set", curve="jawOpen", settings={"gain": gain}, done=done)
    assert _send(tuning, do="undo")["curves"]["jawOpen"]["gain"] == 1.3
    assert _send(tuning, do="undo")["curves"] == {}


def test_every_kind_of_slider_reaches_the_profile_and_its_file(tmp_path: Path) -> None:
    target = tmp_path / "anna.yaml"
    tuning = _tuning(target=target)
    _send(tuning, do="set", curve="mouthSmile", settings={"exponent": 0.8, "mute": False, "offset": 0.1})
    _send(tuning, do="set", neutral="mouthPress", value=0.05)
    _send(tuning, do="set", smoothing="jaw", min_cutoff_hz=6, beta=4)
    _send(tuning, do="set", profile={"intensity": 1.2, "delay_ms": 40, "symmetric": True})
    _send(tuning, do="set", curve="cheekPuff", settings={"mute": True})
    state = _send(tuning, do="save")
    assert not state["changed"]
    saved = load_profile(target)
    assert saved.setting("mouthSmileRight").exponent == 0.8
    assert saved.setting("cheekPuff").mute
    assert saved.neutral == {"mouthPressLeft": 0.05, "mouthPressRight": 0.05}
    assert saved.smoothing["jaw"].min_cutoff_hz == 6
    assert (saved.intensity, saved.delay_ms, saved.symmetric) == (1.2, 40, True)
    assert [path.name for path in tmp_path.iterdir()] == ["anna.yaml"], "nothing else is left behind"
    _send(tuning, do="set", smoothing="jaw", min_cutoff_hz=0, beta=4)
    _send(tuning, do="set", neutral="mouthPress", value=0)
    state = _send(tuning, do="reset", curves=["mouthSmileLeft", "mouthSmileRight", "cheekPuff"])
    assert state["curves"] == state["neutral"] == state["smoothing"] == {}


def test_a_running_session_takes_the_saved_profile_over(tmp_path: Path) -> None:
    target = tmp_path / "anna.yaml"
    save_profile(Profile(name="anna"), target)
    now = [0.0]
    events: list[str] = []
    watcher = ProfileWatcher(load_profile(target), events.append, lambda: now[0])
    tuning = _tuning(load_profile(target), target)
    _send(tuning, do="set", curve="jawOpen", settings={"gain": 1.5})
    now[0] = 2.0
    assert watcher.poll() is None, "nothing is written before it is saved"
    _send(tuning, do="save")
    now[0] = 4.0
    taken = watcher.poll()
    assert taken is not None
    assert taken.setting("jawOpen").gain == 1.5
    assert events == [f"{target}: read again"]


def test_saving_under_a_name_stays_in_the_folder_and_overwrites_nobody(tmp_path: Path) -> None:
    save_profile(Profile(name="ben"), tmp_path / "ben.yaml")
    tuning = _tuning(target=tmp_path / "anna.yaml")
    for name in ("../anna", "a/b", "C:\\x", "", ".hidden", "con", "LPT1", "x" * 41, 7, "anna.yaml"):
        with pytest.raises(ProfileError, match="nothing was changed"):
            _send(tuning, do="save", **{"as": name})
    with pytest.raises(ProfileError, match="is there already"):
        _send(tuning, do="save", **{"as": "ben"})
    state = _send(tuning, do="save", **{"as": "anna-2"})
    assert state["name"] == "anna-2"
    assert load_profile(tmp_path / "anna-2.yaml").name == "anna-2"


def test_a_shipped_profile_is_not_written_to() -> None:
    tuning = _tuning(load_profile(Path("metahuman")))
    with pytest.raises(ProfileError, match="under a name of your own"):
        _send(tuning, do="save")


def test_what_a_text_editor_saves_is_taken_over_unless_there_are_changes(tmp_path: Path) -> None:
    target = tmp_path / "anna.yaml"
    save_profile(Profile(name="anna"), target)
    tuning = _tuning(load_profile(target), target)
    seen: list[dict[str, object]] = []
    tuning.on_change = seen.append

    def write(gain: float) -> None:
        save_profile(Profile(name="anna").with_changes(curves={"jawOpen": {"gain": gain}}), target)
        tuning._watcher._due_s = 0
        tuning.poll()

    write(2.0)
    assert tuning.values()[0, JAW] == pytest.approx(0.8)
    assert not seen[-1]["changed"]
    _send(tuning, do="set", curve="jawOpen", settings={"gain": 1.5})
    write(1.25)
    assert tuning.values()[0, JAW] == pytest.approx(0.6), "one's own changes are kept"
    _send(tuning, do="revert")
    assert tuning.values()[0, JAW] == pytest.approx(0.5), "and the file's state is the new one"


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"{",
        b"[]",
        b"3",
        b"\xff\xfe",
        b"[" * 4000,
        b"{}",
        b'{"do": []}',
        b'{"do": "format"}',
        b'{"do": "undo", "much": 1}',
        b'{"do": "set"}',
        b'{"do": "set", "curve": "jawOpen", "settings": {}}',
        b'{"do": "set", "curve": "jawOpne", "settings": {"gain": 1}}',
        b'{"do": "set", "curve": ["jawOpen"], "settings": {"gain": 1}}',
        b'{"do": "set", "curve": "jawOpen", "settings": {"gain": NaN}}',
        b'{"do": "set", "curve": "jawOpen", "settings": {"gain": true}}',
        b'{"do": "set", "curve": "jawOpen", "settings": {"gain": "1"}}',
        b'{"do": "set", "curve": "jawOpen", "settings": {"gain": 1' + b"0" * 400 + b"}}",
        b'{"do": "set", "curve": "jawOpen", "settings": {"__class__": 1}}',
        b'{"do": "set", "profile": {"path": "x"}}',
        b'{"do": "set", "profile": {"rig": 1}}',
        b'{"do": "reset", "curves": []}',
        b'{"do": "compare", "on": 1}',
        b'{"do": "undo"}' + b" " * MAX_MESSAGE_BYTES,
    ],
)
def test_a_message_that_is_none_is_refused_and_changes_nothing(message: bytes) -> None:
    tuning = _tuning()
    before = tuning.state()
    with pytest.raises(ProfileError):
        tuning.apply(message)
    assert tuning.state() == before


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"gain": 11}, "gain 11 is outside 0 to 10"),
        ({"exponent": 0.1}, "exponent 0.1 is outside 0.2 to 5"),
        ({"minimum": 0.8, "maximum": 0.2}, "min 0.8 is above max 0.2"),
    ],
)
def test_a_value_that_no_profile_may_have_is_refused_with_the_reason(
    settings: dict[str, float], reason: str
) -> None:
    tuning = _tuning()
    with pytest.raises(ProfileError, match=reason):
        _send(tuning, do="set", curve="jawOpen", settings=settings)
    assert not tuning.state()["changed"]


_names = st.sampled_from([*ARKIT_52.names, "mouthSmile", "browOuterUp"])
_numbers = st.floats(-12, 12) | st.integers(-3, 3)
_settings = st.dictionaries(
    st.sampled_from(["gain", "offset", "exponent", "minimum", "maximum"]), _numbers, min_size=1
)
_messages = st.one_of(
    st.fixed_dictionaries({"do": st.just("set"), "curve": _names, "settings": _settings}),
    st.fixed_dictionaries({"do": st.just("set"), "neutral": _names, "value": _numbers}),
    st.fixed_dictionaries(
        {"do": st.just("set"), "profile": st.fixed_dictionaries({"symmetric": st.booleans()})}
    ),
    st.fixed_dictionaries({"do": st.sampled_from(["undo", "redo", "revert"])}),
    st.fixed_dictionaries({"do": st.just("compare"), "on": st.booleans()}),
)


@given(st.lists(_messages, max_size=12))
def test_whatever_sliders_do_the_profile_stays_valid_and_the_face_in_range(messages: list[dict]) -> None:
    tuning = _tuning()
    for message in messages:
        try:
            _send(tuning, **message)
        except ProfileError:
            continue
    assert find_conflict(tuning._editor.current) is None
    values = tuning.values()
    assert np.isfinite(values).all()
    assert (values[:, :52] >= 0).all()
    assert (values[:, :52] <= 1).all()


# ---- over the network


def _post(server: PreviewServer, body: bytes, **headers: str) -> tuple[int, dict[str, object]]:
    host, port = server.url.removeprefix("http://").rstrip("/").rsplit(":", 1)
    connection = http.client.HTTPConnection(host, int(port), timeout=10)
    ours = {"Origin": server.url.rstrip("/"), "Content-Type": "application/json"}
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("POST", "/edit", body, {k: v for k, v in {**ours, **given}.items() if v})
    answer = connection.getresponse()
    content = json.loads(answer.read())
    connection.close()
    return answer.status, content


UNDO = b'{"do": "undo"}'


@pytest.fixture
def server():
    recording = Recording(Animation(np.zeros((30, 61), np.float32), Fraction(30)), tuning=_tuning())
    with PreviewServer("tuned", recording, port=0) as running:
        yield running


def test_a_change_by_one_page_is_told_to_all(server: PreviewServer) -> None:
    viewers = [server.hub.join(), server.hub.join()]
    first = [server.hub.take(viewer, 1) for viewer in viewers]
    assert all(b"event: profile" in message for message in first), "a page that opens later sees the state"
    status, state = _post(server, b'{"do": "set", "curve": "jawOpen", "settings": {"gain": 2}}')
    assert status == 200
    for viewer in viewers:
        told = server.hub.take(viewer, 1).split(b"data: ")[1]
        assert json.loads(told) == state
    host, port = server.url.removeprefix("http://").rstrip("/").rsplit(":", 1)
    connection = http.client.HTTPConnection(host, int(port), timeout=10)
    connection.request("GET", "/take.bin")
    values = np.frombuffer(connection.getresponse().read(), "<f4").reshape(30, 61)
    connection.close()
    assert values[0, JAW] == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Origin": "http://evil.example", "Host": "evil.example"}, 403),
        ({"Origin": "http://[::1", "Host": "[::1"}, 403),
        ({"Origin": "https://127.0.0.1:1"}, 403),
        ({"Content_Type": "text/plain"}, 415),
        ({"Content_Type": ""}, 415),
    ],
)
def test_pages_of_other_sites_change_nothing(
    server: PreviewServer, headers: dict[str, str], status: int
) -> None:
    edit = b'{"do": "set", "curve": "jawOpen", "settings": {"gain": 2}}'
    assert _post(server, edit, **headers)[0] == status
    assert not server.recording.tuning.state()["changed"]


def test_a_name_pointed_at_an_open_preview_changes_nothing_its_own_address_does() -> None:
    recording = Recording(Animation(np.zeros((30, 61), np.float32), Fraction(30)), tuning=_tuning())
    with PreviewServer("to all", recording, host="0.0.0.0", port=0) as server:
        port = server.url.rstrip("/").rsplit(":", 1)[1]
        for host, status in (
            ("evil.example", 403),
            ("192.168.1.20", 200),
            ("localhost", 200),
            (socket.gethostname(), 200),
        ):
            headers = {"Host": f"{host}:{port}", "Origin": f"http://{host}:{port}"}
            assert _post(server, UNDO, **headers)[0] == status, host


def test_a_message_that_is_too_long_is_not_read(server: PreviewServer) -> None:
    assert _post(server, UNDO + b" " * MAX_MESSAGE_BYTES)[0] == 413
    assert _post(server, UNDO, Content_Length="-1")[0] == 411
    assert _post(server, UNDO, Content_Length="9" * 30)[0] == 411
    assert _post(server, UNDO)[0] == 200


def test_a_refusal_reaches_the_page_with_its_reason(server: PreviewServer) -> None:
    status, answer = _post(server, b'{"do": "set", "curve": "jawOpen", "settings": {"gain": 99}}')
    assert status == 400
    assert "gain 99 is outside 0 to 10" in answer["error"]


def test_without_a_profile_there_is_nothing_to_be_tuned() -> None:
    recording = Recording(Animation(np.zeros((3, 52), np.float32), Fraction(30)))
    with PreviewServer("plain", recording, port=0) as server:
        assert _post(server, UNDO)[0] == 404


@pytest.mark.skipif(os.name == "nt", reason="folders are not made read-only by their mode there")
def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    tuning = _tuning(target=tmp_path / "gone" / "anna.yaml")
    with pytest.raises(ProfileError, match="cannot be written"):
        _send(tuning, do="save")
