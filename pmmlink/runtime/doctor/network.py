"""Ports, packets to oneself, the firewall, and the addresses to type into Unreal."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import socket
import statistics
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import numpy as np

from pmmlink.curves import LIVELINK_61
from pmmlink.receiver import ReceivedFrame, Receiver, Subject, UdpListener
from pmmlink.runtime.doctor.check import Finding, Level
from pmmlink.runtime.doctor.port_owner import port_owner
from pmmlink.sinks import make_sink
from pmmlink.types import CurveFrame
from pmmlink.wire.target import DEFAULT_PORTS, Target

_LISTENERS = ("unreal", "ue4editor", "ue5editor", "pmmlink", "python")
"""Parts of the names of programs that are meant to hold a port."""

_FRAMES = 30
_WAIT_S = 0.5
_ANYWHERE = ("192.0.2.1", 9)  # TEST-NET-1 (RFC 5737): asks for the way out, sends nothing


def check_port(scheme: str, port: int) -> Finding:
    """Whether a program on this machine listens on a UDP port, and which.

    Args:
        scheme: the format usually spoken there.
        port: the port.
    """
    name = f"port {port} ({scheme})"
    if not _taken(port):
        text = "free: nobody on this machine listens there yet"
        return Finding(name, Level.OK, text, facts={"port": port, "taken": False})
    owner = port_owner(port)
    facts = {"port": port, "taken": True, "owner": owner}
    text = f"taken by {owner or 'another program'}"
    if owner is not None and any(part in owner.lower() for part in _LISTENERS):
        return Finding(name, Level.OK, text, facts=facts)
    advice = (
        f"if that is not your receiver, stop it or use another port on both sides: --to {scheme}://HOST:PORT"
    )
    return Finding(name, Level.WARNING, text, advice, facts)


def check_round_trip(scheme: str) -> Finding:
    """Sends frames through the real sink to the real receiver on loopback, and compares every value.

    Args:
        scheme: ``osc`` or ``livelink``.
    """
    name = f"{scheme} round trip"
    random = np.random.default_rng(61)
    sent = [
        CurveFrame(i, Fraction(30), LIVELINK_61, random.random(len(LIVELINK_61), dtype=np.float32))
        for i in range(_FRAMES)
    ]
    target = Target(scheme, "127.0.0.1", _free_port(), {})
    delays_s: list[float] = []
    got: list[ReceivedFrame] = []

    def take(_: Subject, frame: ReceivedFrame) -> None:
        got.append(frame)

    receiver = Receiver(on_frame=take)
    with UdpListener(target) as listener, make_sink(str(target)) as sink:
        sink.open(LIVELINK_61, Fraction(30), "doctor")
        for frame in sent:
            sent_s = time.perf_counter()
            sink.send(frame)
            while len(got) <= frame.index:
                datagram = listener.receive(_WAIT_S)
                if datagram is None:
                    break
                receiver.push(datagram.data, datagram.arrival_s, datagram.sender)
                if len(got) > frame.index:
                    delays_s.append(datagram.arrival_s - sent_s)
            if len(got) <= frame.index:
                break  # one that is lost on loopback tells enough
    same = sum(np.array_equal(a.values, b.values) for a, b in zip(sent, got, strict=False))
    facts = {"sent": _FRAMES, "received": len(got), "same": same}
    if same < _FRAMES:
        text = f"{same} frames of {_FRAMES} came back as they were sent"
        advice = "a firewall or security program holds back UDP on 127.0.0.1: allow Python there"
        return Finding(name, Level.FAULT, f"{text}{_reason(sink.stats.last_error)}", advice, facts)
    delay_ms = statistics.median(delays_s) * 1e3
    text = f"{_FRAMES} frames, all values the same, {delay_ms:.2f} ms from send to receipt (median)"
    return Finding(name, Level.OK, text, facts=facts | {"delay_ms": round(delay_ms, 3)})


def check_firewall() -> Finding:
    """Whether a firewall is on, and how UDP is let through where Unreal runs."""
    state = _firewall_on()
    words = {True: "on", False: "off", None: "unknown"}
    text = f"{words[state]}; only packets from another machine must be let in, where Unreal runs"
    facts = {"on": state}
    return Finding("firewall", Level.OK, text, "" if state is False else _firewall_hint(), facts)


def check_addresses() -> Finding:
    """What to type into Unreal, and after ``--to``."""
    addresses = lan_addresses()
    facts = {"addresses": addresses}
    osc, livelink = DEFAULT_PORTS["osc"], DEFAULT_PORTS["livelink"]
    text = (
        f"Unreal here: --to livelink://127.0.0.1:{livelink} or --to osc://127.0.0.1:{osc} "
        f"(OSC server in Unreal: address 0.0.0.0, port {osc})"
    )
    if not addresses:
        advice = "no network address: Unreal on another machine cannot be reached; join a network"
        return Finding("addresses", Level.WARNING, text, advice, facts)
    text += (
        f"; pmmlink on another machine: {' or '.join(f'--to livelink://{a}:{livelink}' for a in addresses)}"
    )
    return Finding("addresses", Level.OK, text, facts=facts)


def lan_addresses() -> list[str]:
    """This machine's IPv4 addresses that others reach it at, the one of the way out first."""
    found: list[str] = []
    # Without a way out, or where the host's own name is not known, the other of the two may still tell.
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(_ANYWHERE)
        found.append(probe.getsockname()[0])
    with contextlib.suppress(OSError):
        found += [str(e[4][0]) for e in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)]
    unique = dict.fromkeys(found)
    return [a for a in unique if not (ip := ipaddress.ip_address(a)).is_loopback and not ip.is_link_local]


def _taken(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        if sys.platform == "win32":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        for host in ("0.0.0.0", "127.0.0.1"):
            try:
                probe.bind((host, port))
            except OSError as error:
                if error.errno in (errno.EADDRINUSE, errno.EACCES):
                    return True
                continue  # this address cannot be had; the other tells
            return False
    raise OSError(f"UDP port {port} can neither be had nor is it taken")


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _reason(error: str) -> str:
    return f" ({error})" if error else ""


def _firewall_on() -> bool | None:
    """None: the system does not tell without special rights."""
    if sys.platform == "win32":
        import winreg

        path = r"SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy\StandardProfile"
        try:
            with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, path) as key:
                return bool(winreg.QueryValueEx(key, "EnableFirewall")[0])
        except OSError:
            return None
    if sys.platform == "darwin":
        tool = "/usr/libexec/ApplicationFirewall/socketfilterfw"
        try:
            said = subprocess.run(
                [tool, "--getglobalstate"], capture_output=True, timeout=5, check=False
            ).stdout
        except (OSError, subprocess.SubprocessError):
            return None
        return None if b"State" not in said else b"State = 0" not in said
    if Path("/run/firewalld.pid").exists():
        return True
    try:
        return "ENABLED=yes" in Path("/etc/ufw/ufw.conf").read_text() or None
    except OSError:
        return None


def _firewall_hint() -> str:
    ports = f"{DEFAULT_PORTS['osc']},{DEFAULT_PORTS['livelink']}"
    if sys.platform == "win32":
        return (
            "in an administrator's prompt: netsh advfirewall firewall add rule name=pmmlink dir=in "
            f"action=allow protocol=UDP localport={ports} profile=private"
        )
    if sys.platform == "darwin":
        return "System Settings > Network > Firewall > Options: allow incoming connections for UnrealEditor"
    if Path("/run/firewalld.pid").exists():
        each = " ".join(f"--add-port={port}/udp" for port in ports.split(","))
        return f"sudo firewall-cmd {each}"
    return f"with ufw: sudo ufw allow proto udp to any port {ports}"
