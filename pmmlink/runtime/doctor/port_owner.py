"""Which program holds a UDP port: asked of what the system has at hand, without extra packages."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

_TIMEOUT_S = 5.0


def port_owner(port: int) -> str | None:
    """Name and number of the process that holds a UDP port; None when the system does not tell.

    Other users' processes can be hidden from us.
    """
    try:
        if sys.platform == "win32":
            process = pid_in_netstat(_output("netstat", "-ano", "-p", "UDP"), port)
            if process is None:
                return None
            name = name_in_tasklist(_output("tasklist", "/FI", f"PID eq {process}", "/FO", "CSV", "/NH"))
            return f"{name or 'a hidden process'} (process {process})"
        if sys.platform == "darwin":
            return owner_in_lsof(_output("lsof", "-nP", f"-iUDP:{port}", "-Fpc"))
        return _linux_owner(port)
    except (OSError, subprocess.SubprocessError):
        return None


def pid_in_netstat(text: str, port: int) -> int | None:
    """The process in Windows' ``netstat -ano``: ``UDP  0.0.0.0:8000  *:*  1234``."""
    for line in text.splitlines():
        fields = line.split()
        if (
            len(fields) >= 4
            and fields[0] == "UDP"
            and fields[1].endswith(f":{port}")
            and fields[-1].isdecimal()
        ):
            return int(fields[-1])
    return None


def name_in_tasklist(text: str) -> str | None:
    """The program in Windows' ``tasklist /FO CSV /NH``: ``"UnrealEditor.exe","1234","Console","1","9 K"``."""
    for row in csv.reader(text.splitlines()):
        if len(row) >= 2 and row[1].isdecimal():
            return row[0]
    return None


def owner_in_lsof(text: str) -> str | None:
    """The first process in ``lsof -Fpc``: lines ``p1234`` and ``cUnrealEditor``."""
    process = name = None
    for line in text.splitlines():
        if line.startswith("p") and process is None:
            process = line[1:]
        elif line.startswith("c") and name is None:
            name = line[1:]
    return f"{name} (process {process})" if process and name else None


def inodes_in_proc(text: str, port: int) -> set[str]:
    """Socket inodes with this local port in the text of Linux' ``/proc/net/udp`` or ``udp6``."""
    rows = [line.split() for line in text.splitlines()[1:]]
    return {row[9] for row in rows if len(row) > 9 and row[1].endswith(f":{port:04X}")}


def _linux_owner(port: int) -> str | None:
    inodes: set[str] = set()
    for table in (Path("/proc/net/udp"), Path("/proc/net/udp6")):
        if table.is_file():
            inodes |= inodes_in_proc(table.read_text(), port)
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for folder in Path("/proc").iterdir() if wanted else ():
        if not folder.name.isdecimal():
            continue
        try:
            if any(os.readlink(handle) in wanted for handle in (folder / "fd").iterdir()):
                return f"{(folder / 'comm').read_text().strip()} (process {folder.name})"
        except OSError:
            continue  # another user's process, or one that has just ended
    return None


def _output(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, timeout=_TIMEOUT_S, check=False)
    return done.stdout.decode(errors="replace")
