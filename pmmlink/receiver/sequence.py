"""Which frames of a session have come: order, duplicates, gaps."""

from __future__ import annotations

from collections import deque
from enum import Enum

WIDTH = 1024
"""So many frames are remembered; one older than those could be a duplicate, and stays lost."""


class Order(Enum):
    """How a frame's number stands to those before it."""

    NEXT = "higher than all before"
    REORDERED = "lower than one before, and new"
    DUPLICATE = "seen before"


class SequenceWindow:
    """The sequence numbers of one session.

    >>> window = SequenceWindow()
    >>> [window.record(seq).name for seq in (0, 2, 1, 2, 5)]
    ['NEXT', 'NEXT', 'REORDERED', 'DUPLICATE', 'NEXT']
    >>> window.lost  # 3 and 4
    2
    """

    def __init__(self) -> None:
        self._recent: deque[int] = deque()
        self._seen: set[int] = set()
        self._forgotten = -1
        self._lowest = 0
        self._highest = -1
        self._distinct = 0

    def __contains__(self, seq: int) -> bool:
        return seq in self._seen

    def record(self, seq: int) -> Order:
        """Takes note of a frame that came."""
        if seq in self._seen:
            return Order.DUPLICATE
        if seq <= self._forgotten:
            return Order.REORDERED
        self._seen.add(seq)
        self._recent.append(seq)
        if len(self._recent) > WIDTH:
            forgotten = self._recent.popleft()
            self._seen.discard(forgotten)
            self._forgotten = max(self._forgotten, forgotten)
        order = Order.NEXT if seq > self._highest else Order.REORDERED
        self._lowest = min(self._lowest, seq) if self._distinct else seq
        self._highest = max(self._highest, seq)
        self._distinct += 1
        return order

    @property
    def lost(self) -> int:
        """Numbers between the lowest and the highest that never came."""
        return max(0, self._highest - self._lowest + 1 - self._distinct) if self._distinct else 0
