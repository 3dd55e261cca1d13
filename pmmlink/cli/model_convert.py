"""``pmmlink model convert``: pretrained parts joined into one weights file."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from pmmlink.errors import CheckpointError


def convert(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="PATH", help="The weights file to write.")
    ],
    audio: Annotated[
        str | None,
        typer.Option(metavar="DIR|NAME", help="wav2vec 2.0, such as facebook/wav2vec2-large-xlsr-53."),
    ] = None,
    text: Annotated[
        str | None,
        typer.Option(
            metavar="DIR|NAME", help="A wav2vec 2.0 recogniser (CTC) fine-tuned from the same model."
        ),
    ] = None,
    talking_head: Annotated[
        Path | None, typer.Option(metavar="FILE.pth", help="Wav2Lip's generator checkpoint.")
    ] = None,
    face: Annotated[
        Path | None, typer.Option(metavar="PICTURE", help="Reference face; default: pmmlink's own.")
    ] = None,
    chunk: Annotated[int | None, typer.Option(help="Tokens (20 ms) that see each other.")] = None,
    look_ahead: Annotated[int | None, typer.Option(help="Chunks that a chunk sees after itself.")] = None,
    left_context: Annotated[int | None, typer.Option(help="Tokens seen before a chunk.")] = None,
    conv_right: Annotated[
        int | None, typer.Option(help="Tokens ahead that the positional convolution keeps.")
    ] = None,
    mel_ahead: Annotated[
        int | None, typer.Option(help="Mel steps (12.5 ms) of the talking head's window after the frame.")
    ] = None,
    half: Annotated[bool, typer.Option("--half", help="Store 16 bits a number: half the size.")] = False,
    seed: Annotated[int, typer.Option(help="Of the random weights of what is not trained yet.")] = 0,
) -> None:
    """Joins pretrained parts into one weights file, ready for [bold]pmmlink train[/bold].

    A part that is left out switches its modality off. Folders hold config.json and model.safetensors or
    pytorch_model.bin, recognisers also vocab.json; names are looked up on the Hugging Face hub.

    [bold]Examples[/bold]

      pmmlink model convert --audio xlsr-53 --text chinese --talking-head wav2lip.pth -o paper.safetensors
      pmmlink model convert --audio facebook/wav2vec2-large-xlsr-53 --chunk 4 -o audio.safetensors
    """
    from pmmlink.model.checkpoint import save_model, sha256_of
    from pmmlink.model.config import paper_config
    from pmmlink.model.pretrained.convert import Parts
    from pmmlink.model.pretrained.convert import convert as join

    _check_output(output)
    context: dict[str, Any] = {
        "chunk": chunk,
        "look_ahead": look_ahead,
        "left_context": left_context,
        "conv_right": conv_right,
    }
    given = {key: value for key, value in context.items() if value is not None}
    base = paper_config()
    base = dataclasses.replace(
        base,
        audio_decoder=dataclasses.replace(base.audio_decoder, **given),
        text_decoder=dataclasses.replace(base.text_decoder, **given),
    )
    if mel_ahead is not None:
        base = dataclasses.replace(base, talking_head=dataclasses.replace(base.talking_head, ahead=mel_ahead))
    model, card = join(Parts(audio, text, talking_head, face), base, seed=seed)
    save_model(model, output, card, half=half)
    count = sum(parameter.numel() for parameter in model.parameters())
    typer.echo(f"{output}: {output.stat().st_size / 1e6:.1f} MB, {count:,} parameters")
    for part, origin in card["sources"].items():
        typer.echo(f"  {part}: {origin}")
    typer.echo(f"  {card['untrained']}")
    typer.echo(f"sha256 {sha256_of(output)}")


def _check_output(path: Path) -> None:
    """Says at once, not after minutes of work, that the result could not be written."""
    if path.is_dir():
        raise CheckpointError(f"{path}: is a folder; give the name of a file to write")
    folder = path.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise CheckpointError(f"{path}: the folder {folder} does not exist or cannot be written to")
