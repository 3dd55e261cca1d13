"""Target URLs: ``osc://HOST:PORT?option=value``, ``livelink://HOST``, ``vmc://HOST``, ``take.csv``."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlsplit

from pmmlink.errors import TargetError

DEFAULT_PORTS: Mapping[str, int] = {"osc": 8000, "livelink": 11111, "vmc": 39539}

FORMS = "osc://HOST:8000, livelink://HOST:11111, vmc://HOST:39539, preview: or FILE.csv"
"""What a user may write, for messages."""


@dataclass(frozen=True, slots=True)
class Target:
    """A network address and the format spoken there.

    Attributes:
        scheme: ``osc``, ``livelink`` or ``vmc``.
        host: name or address, never empty.
        port: 1 to 65535.
        options: what follows the ``?``.
    """

    scheme: str
    host: str
    port: int
    options: Mapping[str, str]

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def parse_target(
    url: str, schemes: Mapping[str, int] = DEFAULT_PORTS, forms: str = FORMS, default_host: str = ""
) -> Target:
    """The parts of a network target.

    Args:
        url: what the user wrote.
        schemes: the schemes allowed here and their default ports.
        forms: what may be written here, for messages.
        default_host: taken when the URL names none; empty: a host is required.

    Raises:
        TargetError: unknown scheme, no host, bad port, or parts that no target has.
    """
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError as error:
        raise TargetError(f"target {url!r}: {_port_hint(error)}") from None
    if parts.scheme not in schemes or "://" not in url:
        raise TargetError(f"target {url!r}: not one of {forms}")
    host = parts.hostname or default_host
    if not host:
        raise TargetError(f"target {url!r}: no host; write for example {parts.scheme}://127.0.0.1")
    if port == 0:
        raise TargetError(f"target {url!r}: port 0; use a port from 1 to 65535")
    if parts.path not in ("", "/") or parts.fragment or "@" in parts.netloc:
        raise TargetError(f"target {url!r}: only a host, a port and options, as in {forms}")
    return Target(parts.scheme, host, schemes[parts.scheme] if port is None else port, _options(url, parts))


def _options(url: str, parts: SplitResult) -> dict[str, str]:
    try:
        return (
            dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True)) if parts.query else {}
        )
    except ValueError:
        raise TargetError(f"target {url!r}: options are written ?name=value") from None


def _port_hint(error: ValueError) -> str:
    """urllib says what is wrong with a port, but not which are right."""
    text = str(error).lower()
    return "the port must be a number from 1 to 65535" if "port" in text else text


def resolve(host: str, port: int) -> tuple[socket.AddressFamily, Any]:
    """Family and address for a UDP socket.

    Looks the host up, IPv4 first, because Unreal's OSC server and Live Link listen there. This may take
    seconds: not for a thread that has to be on time.

    Raises:
        OSError: the name cannot be resolved.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except UnicodeError:
        raise OSError(f"{host!r} is not a host name") from None
    family, _, _, _, address = min(found, key=lambda entry: entry[0] != socket.AF_INET)
    return family, address
