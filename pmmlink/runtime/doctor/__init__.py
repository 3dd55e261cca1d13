"""Looks a machine over: everything that pmmlink needs or can use, one finding each."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from pmmlink.runtime.doctor.check import Check, Finding, Level, run_checks

__all__ = ["Finding", "Level", "examine", "run_checks"]


def examine(weights: Path | None = None) -> Iterator[Finding]:
    """Runs every check, each when its finding is asked for.

    Args:
        weights: a weights file; default the shipped one.
    """
    from pmmlink.runtime.doctor.model import check_speed, check_weights
    from pmmlink.runtime.doctor.network import check_addresses, check_firewall, check_port, check_round_trip
    from pmmlink.runtime.doctor.software import check_cuda, check_python, check_torch
    from pmmlink.runtime.doctor.sound import check_devices, check_portaudio
    from pmmlink.wire.target import DEFAULT_PORTS

    checks: list[tuple[str, Check]] = [
        ("Python", check_python),
        ("torch", check_torch),
        ("CUDA", check_cuda),
        ("PortAudio", check_portaudio),
        ("sound devices", check_devices),
        ("weights", partial(check_weights, weights)),
        ("model speed", partial(check_speed, weights)),
        *(
            (f"port {port} ({scheme})", partial(check_port, scheme, port))
            for scheme, port in DEFAULT_PORTS.items()
        ),
        *((f"{scheme} round trip", partial(check_round_trip, scheme)) for scheme in ("osc", "livelink")),
        ("firewall", check_firewall),
        ("addresses", check_addresses),
    ]
    return run_checks(checks)
