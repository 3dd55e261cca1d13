"""Contact sheets: labelled stills of curves or phones, side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pmmlink.curves import ARKIT_52, MODEL_32
from pmmlink.errors import ConfigError
from pmmlink.preview.camera import Camera
from pmmlink.preview.head import Head
from pmmlink.preview.raster import BACKGROUND, ByteImage, Renderer
from pmmlink.types import FloatArray

_LABEL_PX = 22
_TEXT = (214, 218, 226)

PHONE_EXAMPLES = {
    "SIL": "rest",
    "P": "P B M",
    "F": "F V",
    "TH": "TH DH",
    "T": "T D N",
    "S": "S Z",
    "SH": "SH CH",
    "K": "K G NG",
    "R": "R",
    "L": "L",
    "W": "W",
    "AA": "AA  father",
    "AE": "AE  cat",
    "EH": "EH  bed",
    "IY": "IY  see",
    "AO": "AO  thought",
    "UW": "UW  food",
    "UE": "UE  tu (French)",
}
"""Phones that look different from each other, and how the sheet labels them."""


def curve_stills() -> tuple[list[str], FloatArray]:
    """The 32 model curves one by one at full value: labels and ``[32, 52]`` values.

    ``mouthClose`` has a meaning only over an open jaw and is shown so.
    """
    values = np.zeros((len(MODEL_32), len(ARKIT_52)), np.float32)
    labels = list(MODEL_32.names)
    for row, name in enumerate(MODEL_32.names):
        values[row, ARKIT_52.index(name)] = 1
        if name == "mouthClose":
            values[row, ARKIT_52.positions(["jawOpen", "mouthClose"])] = 0.5
            labels[row] = "mouthClose = jawOpen"
    return labels, values


def phone_stills() -> tuple[list[str], FloatArray]:
    """The middle of each phone as the training targets pose it: labels and ``[N, 52]`` values."""
    from pmmlink.train.targets import curves_from_phones

    columns = ARKIT_52.positions(MODEL_32.names)
    values = np.zeros((len(PHONE_EXAMPLES), len(ARKIT_52)), np.float32)
    for row, phone in enumerate(PHONE_EXAMPLES):
        if phone != "SIL":
            curves = curves_from_phones([("AH", 0.1, 0.4), (phone, 0.4, 0.6), ("AH", 0.6, 0.9)], 30).curves
            values[row, columns] = curves[15]
    return list(PHONE_EXAMPLES.values()), values


def contact_sheet(
    head: Head,
    camera: Camera,
    labels: Sequence[str],
    values: npt.ArrayLike,
    columns: int,
    tile: tuple[int, int],
) -> ByteImage:
    """Draws one labelled tile per row of values.

    Args:
        head: the head.
        camera: where from.
        labels: N labels.
        values: ``[N, 52]``.
        columns: tiles in a row.
        tile: (width, height) of a picture without its label.

    Raises:
        ConfigError: Pillow, which writes the labels, is not installed.
    """
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ImportError:
        raise ConfigError("labels need Pillow: pip install 'pmmlink[preview]'") from None

    pictures = Renderer(head, camera, tile).draw_curves(values)
    rows = -(-len(labels) // columns)
    width, height = tile[0], tile[1] + _LABEL_PX
    back = tuple(round(255 * part) for part in BACKGROUND)
    sheet = Image.new("RGB", (columns * width, rows * height), back)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=13)
    for k, (label, picture) in enumerate(zip(labels, pictures, strict=True)):
        left, top = k % columns * width, k // columns * height
        sheet.paste(Image.fromarray(picture), (left, top))
        draw.text((left + width / 2, top + tile[1] + _LABEL_PX / 2), label, _TEXT, font, anchor="mm")
    return np.asarray(sheet)
