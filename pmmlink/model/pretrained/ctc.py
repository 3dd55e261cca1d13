"""A wav2vec 2.0 speech recogniser in Hugging Face's layout (``Wav2Vec2ForCTC``) → ψ_TD."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pmmlink.errors import CheckpointError
from pmmlink.model.audio import ContextDecoder
from pmmlink.model.pretrained.tensors import Tensors
from pmmlink.model.pretrained.wav2vec2 import load_context
from pmmlink.model.text import TextDecoder
from pmmlink.stream.stage import Pointwise


def read_symbols(path: Path, count: int) -> tuple[str, ...]:
    """Names of a CTC head's outputs from ``vocab.json``, in order; "" where it names none.

    Args:
        path: the file, symbols → numbers.
        count: outputs of the head.

    Raises:
        CheckpointError: unreadable, or the vocabulary of another head.
    """
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: not a readable JSON file ({error})") from error
    if not isinstance(table, dict) or any(not isinstance(number, int) for number in table.values()):
        raise CheckpointError(f"{path}: expected one table of symbols and their numbers")
    symbols = [""] * count
    for symbol, number in table.items():
        if not 0 <= number < count:
            raise CheckpointError(
                f"{path}: symbol {symbol!r} has number {number}, the head has {count} outputs"
            )
        symbols[number] = symbol
    return tuple(symbols)


def load_text_decoder(decoder: TextDecoder, tensors: Tensors) -> None:
    """Fills ψ_TD with a recogniser's transformer and its fully connected layer.

    Raises:
        CheckpointError: a tensor is missing or misshapen; without ``lm_head`` it is no recogniser.
    """
    body, head = decoder.stages
    if not isinstance(body, ContextDecoder) or not isinstance(head, Pointwise):
        raise CheckpointError("only a text decoder of transformer blocks takes wav2vec 2.0's weights")
    load_context(body, tensors)
    top = Tensors(tensors.table, tensors.where)
    if not top.has("lm_head.weight"):
        raise CheckpointError(
            f"{tensors.where}: tensor 'lm_head.weight' is missing: pretrained, but not fine-tuned for CTC"
        )
    linear: Any = head.module
    top.fill(linear.weight, "lm_head.weight")
    top.fill(linear.bias, "lm_head.bias")
