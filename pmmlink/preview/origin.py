"""Which pages may talk to the preview's server: only those that it served itself."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

_LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})


def is_addressed(host: str, served_on: str) -> bool:
    """Refuses pages of other sites that have a name point to this machine (DNS rebinding).

    Args:
        host: the request's ``Host``.
        served_on: the address that the server listens on.
    """
    return served_on not in _LOCAL or _hostname(host) in _LOCAL


def is_own_page(host: str, origin: str | None) -> bool:
    """Refuses what other sites' pages send: browsers put the page's origin into every POST.

    Of a name that somebody may point at this machine only its own is taken; addresses are not names.

    Args:
        host: the request's ``Host``.
        origin: its ``Origin``, if any.
    """
    name = _hostname(host)
    if origin != f"http://{host}" or name is None:
        return False
    own = socket.gethostname().casefold().partition(".")[0]
    return name in _LOCAL or name.partition(".")[0] == own or _is_address(name)


def _hostname(netloc: str) -> str | None:
    """The host of ``host:port`` in small letters; None when there is none."""
    try:
        return urlsplit(f"//{netloc}").hostname
    except ValueError:
        return None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
