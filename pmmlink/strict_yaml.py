"""YAML read strictly: every key remembers its line, and a wrong one is answered with the nearest right one.

Used for ``pmmlink.yaml`` and for calibration profiles, which people write by hand: a typing error must
end in a message with file and line, never in a setting that silently does nothing.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import yaml

from pmmlink.errors import InputError


def nearest(name: str, valid: Iterable[str]) -> str:
    """A hint for a message: the valid name that looks most like ``name``, or all of them if few.

    >>> nearest("jawopn", ["jawOpen", "jawLeft"])
    "did you mean 'jawOpen'?"
    """
    by_folded = {candidate.casefold(): candidate for candidate in valid}
    close = difflib.get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.5)
    if close:
        return f"did you mean {by_folded[close[0]]!r}?"
    if len(by_folded) <= 12:
        return f"valid: {', '.join(by_folded.values())}"
    return "no valid name is near it"


@dataclass(frozen=True, slots=True)
class Entry:
    """The value of one key: a scalar, a list, or a nested :class:`YamlMapping`."""

    value: object
    line: int


@dataclass(frozen=True, slots=True)
class YamlMapping:
    """A mapping of a YAML file, with the line of every key.

    Attributes:
        path: the file, for messages.
        line: line where the mapping starts, from 1.
        entries: values by key, in the order of the file.
        error: class of the errors raised about this file.
    """

    path: Path
    line: int
    entries: dict[str, Entry]
    error: type[InputError]

    def __iter__(self) -> Iterator[tuple[str, Entry]]:
        return iter(self.entries.items())

    def fail(self, line: int, message: str) -> NoReturn:
        """Raise this file's error at a line."""
        raise self.error(f"{self.path}:{line}: {message}")

    def allow_only(self, valid: Iterable[str], what: str) -> None:
        """Raise for the first key that is not in ``valid``; ``what`` names the kind of key."""
        names = tuple(valid)
        for key, entry in self:
            if key not in names:
                self.fail(entry.line, f"unknown {what} {key!r}; {nearest(key, names)}")

    def mapping(self, key: str) -> YamlMapping:
        """The nested mapping under ``key``; an absent or empty one is an empty mapping."""
        entry = self.entries.get(key)
        if entry is None or entry.value is None:
            return YamlMapping(self.path, self.line, {}, self.error)
        if not isinstance(entry.value, YamlMapping):
            self.fail(entry.line, f"{key!r} must be a mapping of names to settings")
        return entry.value


def read_mapping(path: Path, error: type[InputError]) -> YamlMapping:
    """Read a YAML file whose top level is a mapping; an empty file is an empty mapping.

    Args:
        path: the file, UTF-8 with or without a byte order mark.
        error: class of the errors raised.

    Raises:
        InputError: of class ``error``: unreadable, not UTF-8, not YAML, a key twice, not a mapping.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise error(f"{path}: no such file") from None
    except OSError as fault:
        raise error(f"{path}: cannot be read: {fault.strerror or fault}") from None
    except UnicodeDecodeError as fault:
        raise error(f"{path}: not UTF-8 text (byte {fault.start}); save it as UTF-8") from None
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        if root is None:
            return YamlMapping(path, 1, {}, error)
        if not isinstance(root, yaml.MappingNode):
            raise error(f"{path}:1: expected 'key: value' lines at the top level")
        return _mapping(path, loader, root, error)
    except yaml.MarkedYAMLError as fault:
        line = fault.problem_mark.line + 1 if fault.problem_mark else 1
        raise error(f"{path}:{line}: not valid YAML: {fault.problem}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as fault:
        raise error(f"{path}: not valid YAML: {' '.join(str(fault).split())}") from None


def _mapping(
    path: Path, loader: yaml.SafeLoader, node: yaml.MappingNode, error: type[InputError]
) -> YamlMapping:
    found = YamlMapping(path, node.start_mark.line + 1, {}, error)
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str):
            found.fail(line, f"key {key!r} must be a name")
        if key in found.entries:
            found.fail(line, f"key {key!r} appears twice (first on line {found.entries[key].line})")
        if isinstance(value_node, yaml.MappingNode):
            value: object = _mapping(path, loader, value_node, error)
        else:
            value = loader.construct_object(value_node, deep=True)
        found.entries[key] = Entry(value, line)
    return found
