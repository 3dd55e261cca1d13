"""``pmmlink doctor``: the machine as it is, ports really taken, weights really damaged."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from test_devices import WITHOUT_PORTAUDIO, run

from pmmlink.receiver import UdpListener
from pmmlink.runtime.doctor import Finding, Level, run_checks
from pmmlink.runtime.doctor.model import check_speed, check_weights, sample_at_16_khz
from pmmlink.runtime.doctor.network import check_addresses, check_firewall, check_port, check_round_trip
from pmmlink.runtime.doctor.port_owner import (
    inodes_in_proc,
    name_in_tasklist,
    owner_in_lsof,
    pid_in_netstat,
    port_owner,
)
from pmmlink.wire.target import Target


@pytest.fixture(params=["0.0.0.0", "127.0.0.1"])
def taken_port(request: pytest.FixtureRequest) -> Iterator[int]:
    """A UDP port that this process holds, on one address or on all."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
        holder.bind((request.param, 0))
        yield holder.getsockname()[1]


def test_every_check_reports_and_the_exit_code_follows_the_faults(
    pmmlink: Callable[..., object], weights: Path
) -> None:
    ended = pmmlink("doctor", "--json", "--weights", weights)
    findings = {finding["name"]: finding for finding in json.loads(ended.out)}
    assert list(findings) == [
        "Python",
        "torch",
        "CUDA",
        "PortAudio",
        "sound devices",
        "weights",
        "model speed",
        "port 8000 (osc)",
        "port 11111 (livelink)",
        "port 39539 (vmc)",
        "osc round trip",
        "livelink round trip",
        "firewall",
        "addresses",
    ]
    faults = [finding for finding in findings.values() if finding["level"] == "fault"]
    assert ended.code == (1 if faults else 0)
    # A busy machine may be too slow for the model; everything else works wherever tests run.
    assert {finding["name"] for finding in faults} <= {"model speed"}, faults
    assert all(
        finding["text"] and "\n" not in finding["text"] + finding["advice"] for finding in findings.values()
    )
    assert all(finding["advice"] for finding in faults)
    assert findings["Python"]["facts"]["executable"] == sys.executable


def test_lines_are_readable_and_damaged_weights_are_a_fault_that_stops_nothing(
    pmmlink: Callable[..., object], tmp_path: Path
) -> None:
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(b"\x10\x00\x00\x00\x00\x00\x00\x00not json at all!")
    ended = pmmlink("doctor", "--weights", damaged)
    assert ended.code == 1
    assert f"fault   weights: {damaged}: not a readable safetensors file" in ended.out
    assert "        -> name other weights" in ended.out
    assert "ok      livelink round trip: 30 frames, all values the same" in ended.out
    assert ended.out.splitlines()[-1].startswith("14 checks, ")
    assert "Traceback" not in ended.out + ended.err


def test_a_check_that_breaks_is_a_finding_and_the_next_one_runs() -> None:
    def broken() -> Finding:
        raise ZeroDivisionError("no\nluck")

    found = list(run_checks([("broken", broken), ("fine", lambda: Finding("fine", Level.OK, "works"))]))
    assert [(f.name, f.level, f.text) for f in found] == [
        ("broken", Level.FAULT, "ZeroDivisionError: no luck"),
        ("fine", Level.OK, "works"),
    ]


def test_a_taken_port_is_reported_with_its_owner(taken_port: int) -> None:
    finding = check_port("osc", taken_port)
    assert finding.facts["taken"] is True
    assert f"(process {os.getpid()})" in finding.text
    # This is a Python program, as pmmlink listen is one.
    assert finding.level is (Level.OK if "python" in finding.text.lower() else Level.WARNING)


@pytest.mark.skipif(sys.platform != "linux", reason="a process can rename itself on Linux only")
def test_a_port_held_by_another_program_is_a_warning(taken_port: int) -> None:
    own_name = Path("/proc/self/comm")
    before = own_name.read_text()
    own_name.write_text("music")
    try:
        finding = check_port("osc", taken_port)
    finally:
        own_name.write_text(before)
    assert finding.level is Level.WARNING
    assert finding.text == f"taken by music (process {os.getpid()})"
    assert "--to osc://HOST:PORT" in finding.advice


def test_a_port_is_free_after_its_holder_has_gone() -> None:
    port = _free_port()
    with UdpListener(Target("osc", "127.0.0.1", port, {})):
        assert check_port("osc", port).facts["taken"] is True
    finding = check_port("osc", port)
    assert (finding.level, finding.facts["taken"]) == (Level.OK, False)
    assert port_owner(port) is None


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_what_windows_macos_and_linux_say_about_a_port_is_understood() -> None:
    netstat = """
Aktive Verbindungen

  Proto  Lokale Adresse         Remoteadresse          Status           PID
  UDP    0.0.0.0:80001          *:*                                    11
  UDP    0.0.0.0:8000           *:*                                    4711
  UDP    [::]:11111             *:*                                    12
"""
    assert pid_in_netstat(netstat, 8000) == 4711
    assert pid_in_netstat(netstat, 11111) == 12
    assert pid_in_netstat(netstat, 80) is None
    row = '"UnrealEditor.exe","4711","Console","1","3,212,480 K"\n'
    assert name_in_tasklist(row) == "UnrealEditor.exe"
    assert name_in_tasklist("INFO: No tasks are running which match the specified criteria.\n") is None
    assert owner_in_lsof("p4711\ncUnrealEditor\nf23\n") == "UnrealEditor (process 4711)"
    assert owner_in_lsof("") is None
    proc = (
        "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid timeout inode\n"
        "  281: 0100007F:1F40 00000000:0000 07 00000000:00000000 00:00000000 00000000  1000  0 98765 2 0 0\n"
        "  282: 0100007F:01F4 00000000:0000 07 00000000:00000000 00:00000000 00000000  1000  0 11111 2 0 0\n"
    )
    assert inodes_in_proc(proc, 8000) == {"98765"}
    assert inodes_in_proc(proc, 0x1F4) == {"11111"}


@pytest.mark.parametrize("scheme", ["osc", "livelink"])
def test_frames_come_back_over_loopback(scheme: str) -> None:
    finding = check_round_trip(scheme)
    assert finding.level is Level.OK, finding
    assert (finding.facts["sent"], finding.facts["received"], finding.facts["same"]) == (30, 30, 30)
    assert 0 < finding.facts["delay_ms"] < 100


def test_weights_are_named_by_their_digest_and_missing_ones_are_a_fault(
    weights: Path, tmp_path: Path
) -> None:
    import hashlib

    finding = check_weights(weights)
    assert finding.level is Level.OK
    assert hashlib.sha256(weights.read_bytes()).hexdigest() in finding.text
    cut = tmp_path / "cut.safetensors"
    shutil.copyfile(weights, cut)
    os.truncate(cut, weights.stat().st_size // 2)
    for path in (cut, tmp_path / "none.safetensors"):
        finding = check_weights(path)
        assert (finding.level, finding.advice) == (Level.FAULT, "name other weights")
        assert path.name in finding.text


def test_the_speed_is_measured_on_real_speech(weights: Path) -> None:
    speech = sample_at_16_khz(2.0)
    assert abs(len(speech) - 32_000) <= 2
    assert 0.01 < float(abs(speech).max()) <= 1.0
    finding = check_speed(weights)
    assert 0 < finding.facts["real_time_factor_alone"] <= finding.facts["real_time_factor"] * 1.1
    assert finding.facts["frame_ms_p50"] <= finding.facts["frame_ms_p95"]
    assert bool(finding.advice) == (finding.level is not Level.OK)


def test_the_addresses_are_this_machines() -> None:
    finding = check_addresses()
    assert "--to livelink://127.0.0.1:11111" in finding.text
    for address in finding.facts["addresses"]:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
            own.bind((address, 0))
    assert bool(finding.advice) == (not finding.facts["addresses"])


def test_the_firewall_is_reported_with_what_to_type() -> None:
    finding = check_firewall()
    assert finding.level is Level.OK
    assert finding.facts["on"] in (True, False, None)
    assert finding.advice or finding.facts["on"] is False


@pytest.mark.skipif(sys.platform != "linux", reason="the wheels for Windows and macOS bring PortAudio along")
def test_without_portaudio_the_doctor_warns_and_goes_on() -> None:
    ended = run(
        WITHOUT_PORTAUDIO
        + "from pmmlink.runtime.doctor.sound import check_devices, check_portaudio\n"
        + "for f in (check_portaudio(), check_devices()): print(f.level.value, f.text, '|', f.advice)"
    )
    assert ended.stdout.splitlines() == [
        "warning PortAudio is not installed (Debian, Ubuntu: apt install libportaudio2; macOS: brew install "
        "portaudio) | install it to hear sound and to use a microphone",
        "warning unknown without PortAudio | ",
    ]


def test_the_help_of_the_doctor_loads_no_torch() -> None:
    code = "import sys; import pmmlink.cli.app, pmmlink.runtime.doctor; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
