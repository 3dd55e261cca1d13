"""``pmmlink live`` on a real terminal: what it draws, and what its keys do."""

from __future__ import annotations

import os
import re
import select
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from rich.console import Console

from pmmlink.cli.live_view import BESIDE, CURVE, arrange
from pmmlink.cli.mouth import ROWS, draw_meter, draw_mouth

connect = pytest.importorskip("websockets.sync.client", reason="needs the package websockets").connect


class Terminal:
    """A program on a pseudo terminal."""

    def __init__(self, command: list[str], cwd: Path, lines: int = 30, columns: int = 100) -> None:
        import fcntl
        import pty
        import termios

        self.command = command
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        environment = {**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8", "PYTHONIOENCODING": "utf-8"}
        self.program = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, cwd=cwd, env=environment
        )
        os.close(slave)
        self.text = ""

    def press(self, key: str) -> None:
        os.write(self._master, key.encode())

    def until(self, wanted: str, after: int = 0) -> int:
        """Wait until the program has written this; the end of what it had written by then."""
        deadline = time.monotonic() + 90
        while not (found := re.search(wanted, self.text[after:])):
            assert time.monotonic() < deadline, f"{wanted!r} did not come: {self.text[-2000:]}"
            ready, _, _ = select.select([self._master], [], [], 0.2)
            if ready:
                try:
                    written = os.read(self._master, 65536).decode("utf-8", "replace")
                except OSError:  # the program has closed its side
                    written = ""
                self.text += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written)
            assert self.program.poll() is None or found or wanted in self.text[after:], self.text[-2000:]
        return after + found.end()

    def close(self) -> None:
        if self.program.poll() is None:
            self.program.kill()
        self.program.wait(20)
        os.close(self._master)


@pytest.fixture
def live(tmp_path: Path, weights: Path) -> Iterator[Terminal]:
    if sys.platform == "win32":
        pytest.skip("pseudo terminals of this kind are POSIX's")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "pmmlink.cli", "live", "--ws", str(port), "--rate", "16000"]
    command += ["--no-gate", "--weights", str(weights), "--to", "out.csv"]
    terminal = Terminal(command, tmp_path)
    yield terminal
    terminal.close()


@pytest.mark.slow
def test_the_keys_mute_recentre_record_and_quit(live: Terminal, tmp_path: Path) -> None:
    live.until("q quit")
    at = live.until("live: ws:")
    buzz = np.sin(2 * np.pi * 130 * np.arange(48_000) / 16_000) * 8000
    with connect(f"ws://127.0.0.1:{live.command[live.command.index('--ws') + 1]}") as agent:
        agent.send(buzz.astype("<i2").tobytes())
        at = live.until("agent connected", at)
        live.press("m")
        at = live.until(r"dB  muted", at)
        live.press("m")
        at = live.until("not muted any more", at)
        live.press("c")
        at = live.until("the present face is the neutral one now", at)
        live.press("r")
        at = live.until("recording take.wav and take.csv", at)
        at = live.until("recording take.wav 0:0[1-9]", at)
        live.press("R")  # capitals are the same keys
        at = live.until(r"recorded \d+\.\d s in take.wav and take.csv", at)
        live.press("x")  # a key without a meaning changes nothing
        live.press("q")
        live.until(r"ended: \d+ frames sent", at)
    assert live.program.wait(60) == 0
    sound = sf.info(tmp_path / "take.wav")
    rows = (tmp_path / "take.csv").read_text(encoding="utf-8").splitlines()
    assert sound.duration > 1.0
    # The header, and a row for each frame that was in time: none where the computer cannot keep up.
    assert 1 <= len(rows) <= sound.duration * 30 + 3
    assert (tmp_path / "out.csv").is_file()


ECHO = """
import time
from pmmlink.cli.keys import Keys
with Keys() as keys:
    print("ready", flush=True)
    while (key := keys.pressed()) != "q":
        if key:
            print(f"<{key}>", flush=True)
        time.sleep(0.01)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo terminals of this kind are POSIX's")
def test_arrows_and_function_keys_are_no_keys_and_none_that_is_typed_fast_is_lost(tmp_path: Path) -> None:
    terminal = Terminal([sys.executable, "-c", ECHO], tmp_path)
    at = terminal.until("ready")
    for key in ("\x1b[C", "\x1bOQ", "\x1bOR", "\x1b"):  # right, F2, F3, Escape: C, Q and R have meanings
        terminal.press(key)
        time.sleep(0.3)
    terminal.press("mCr")
    terminal.until("<r>", at)
    terminal.press("q")
    assert terminal.program.wait(20) == 0
    assert re.findall("<(.)>", terminal.text) == ["m", "c", "r"]
    terminal.close()


@pytest.mark.parametrize("columns", [40, 77, 78, 80, 100, 200])
def test_no_curve_is_cut_short_while_the_terminal_has_room(columns: int) -> None:
    across, meter = arrange(columns)
    assert meter >= 4
    needed = BESIDE + across * (CURVE + meter)
    assert needed <= max(columns, 47)
    assert across == 2 or columns < 77


@pytest.mark.parametrize("encoding", ["utf-8", "cp437"])
def test_the_mouth_opens_rounds_and_stretches_in_the_consoles_own_letters(
    encoding: str, tmp_path: Path
) -> None:
    with (tmp_path / "out").open("w", encoding=encoding) as file:
        console = Console(file=file)
        rows = [draw_mouth(way, width, console) for way, width in ((0, 0), (0.2, 0), (1, 0), (1, -2), (1, 2))]
        assert [sum(bool(row.strip()) for row in mouth) for mouth in rows] == [1, 3, ROWS, ROWS, ROWS]
        spans = [max(len(row.strip()) for row in mouth) for mouth in rows[2:]]
        assert spans == [9, 5, 13]
        assert {len(row) for mouth in rows for row in mouth} == {13}
        for text in (*("".join(mouth) for mouth in rows), draw_meter(0.5, 10, console)):
            text.encode(encoding)  # or the console could not show it
        assert len(set(draw_meter(0.5, 10, console))) == 2
        assert len(set(draw_meter(9.0, 10, console))) == len(set(draw_meter(-1.0, 10, console))) == 1
