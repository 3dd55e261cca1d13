"""Target URLs, good and bad."""

from __future__ import annotations

from pathlib import Path

import pytest

from pmmlink.curves import MODEL_32
from pmmlink.errors import TargetError
from pmmlink.sinks import make_sink
from pmmlink.sinks.csv import CsvSink
from pmmlink.sinks.livelink import LiveLinkSink
from pmmlink.sinks.osc import OscSink
from pmmlink.sinks.vmc import VmcSink


@pytest.mark.parametrize(
    ("url", "kind", "name"),
    [
        ("osc://127.0.0.1:9000", OscSink, "osc://127.0.0.1:9000"),
        ("osc://127.0.0.1", OscSink, "osc://127.0.0.1:8000"),
        ("OSC://Stage-PC/", OscSink, "osc://stage-pc:8000"),
        ("osc://[::1]:9000", OscSink, "osc://[::1]:9000"),
        ("osc://127.0.0.1?curves=32", OscSink, "osc://127.0.0.1:8000"),
        ("livelink://192.168.1.20", LiveLinkSink, "livelink://192.168.1.20:11111"),
        ("vmc://localhost", VmcSink, "vmc://localhost:39539"),
        ("take.csv", CsvSink, "take.csv"),
        ("C:\\takes\\take 1.CSV", CsvSink, "C:\\takes\\take 1.CSV"),
        ("D:/takes/take.csv", CsvSink, str(Path("D:/takes/take.csv"))),
        ("\\\\server\\share\\take.csv", CsvSink, "\\\\server\\share\\take.csv"),
    ],
)
def test_a_target_names_its_sink(url: str, kind: type, name: str) -> None:
    sink = make_sink(url)
    assert type(sink) is kind
    assert sink.url == name


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (
            "http://127.0.0.1:8000",
            r"not one of osc://HOST:8000, livelink://HOST:11111, vmc://HOST:39539, preview: or FILE\.csv",
        ),
        ("127.0.0.1:8000", "not one of osc://"),
        ("take.txt", "not one of osc://"),
        ("", "not one of osc://"),
        ("osc:127.0.0.1", "not one of osc://"),
        ("://127.0.0.1", "not one of osc://"),
        ("osc://:8000", "no host"),
        ("osc://", "no host"),
        ("osc://127.0.0.1:0", "port 0"),
        ("osc://127.0.0.1:65536", "1 to 65535"),
        ("osc://127.0.0.1:-1", "1 to 65535"),
        ("osc://127.0.0.1:eight", "1 to 65535"),
        ("osc://[::1:8000", "invalid ipv6"),
        ("osc://127.0.0.1:8000/face", "only a host"),
        ("osc://me@127.0.0.1:8000", "only a host"),
        ("osc://127.0.0.1?curves=33", "use 32, 52 or 61"),
        ("osc://127.0.0.1?curves", r"options are written \?name=value"),
        ("osc://127.0.0.1?curve=32", "unknown option 'curve'"),
        ("livelink://127.0.0.1?curves=32", "takes none"),
    ],
)
def test_a_target_that_cannot_be_used_is_refused_with_what_to_write(url: str, said: str) -> None:
    with pytest.raises(TargetError, match=said) as caught:
        make_sink(url)
    assert "\n" not in str(caught.value)


def test_the_curves_option_picks_the_set() -> None:
    sink = make_sink("osc://127.0.0.1?curves=32")
    assert isinstance(sink, OscSink)
    assert sink.wanted is MODEL_32
