"""Recorded faces with their sound: Live Link Face takes, VOCASET, labelled folders; and their splits."""

from pmmlink.train.datasets.base import (
    Dataset,
    Protocol,
    Split,
    Take,
    TakeData,
    open_dataset,
    split_takes,
)

__all__ = ["Dataset", "Protocol", "Split", "Take", "TakeData", "open_dataset", "split_takes"]
