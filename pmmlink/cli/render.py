"""``pmmlink render``: a take becomes a video of the head, without a display."""

from __future__ import annotations

import time
from contextlib import ExitStack
from enum import Enum
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer

from pmmlink.cli.out_file import check_out
from pmmlink.errors import ConfigError


class Grid(str, Enum):
    """What a contact sheet shows."""

    curves = "curves"
    phones = "phones"


class View(str, Enum):
    """Where the head is seen from."""

    face = "face"
    mouth = "mouth"
    side = "side"


def render(
    out: Annotated[Path, typer.Option("-o", "--out", metavar="FILE", help="The .mp4 (or .png) to write.")],
    take: Annotated[
        Path | None, typer.Argument(metavar="TAKE.csv", help="A Live Link Face recording, e.g. from bake.")
    ] = None,
    audio: Annotated[
        Path | None, typer.Option("--audio", metavar="FILE", help="Sound to add; it starts with the take.")
    ] = None,
    size: Annotated[
        str | None, typer.Option("--size", metavar="WxH", help="Size in pixels [default: 1280x720].")
    ] = None,
    fps: Annotated[
        str | None,
        typer.Option("--fps", metavar="RATE", help="Frame rate, e.g. 25 or 30000/1001; else the take's."),
    ] = None,
    camera: Annotated[View, typer.Option("--camera", help="Where the head is seen from.")] = View.face,
    at: Annotated[
        float | None,
        typer.Option("--at", metavar="SECONDS", help="One picture at that time instead: -o FILE.png."),
    ] = None,
    grid: Annotated[
        Grid | None, typer.Option("--grid", help="Labelled stills of all curves or phones: -o FILE.png.")
    ] = None,
) -> None:
    """Draw a take to video with its sound, or to pictures. Needs no display and no GPU."""
    if grid is not None:
        if take is not None or audio is not None or fps is not None or at is not None:
            raise ConfigError("--grid draws fixed poses: leave out the take, --audio, --fps and --at")
        _draw_grid(grid, camera, size, out)
        return
    if take is None:
        raise ConfigError("name the take to draw, or --grid curves or --grid phones")
    if at is not None:
        if audio is not None or fps is not None:
            raise ConfigError("--at draws one picture: leave out --audio and --fps")
        _draw_still(take, at, camera, size, out)
    else:
        _draw_video(take, audio, camera, size, fps, out)


def _draw_video(
    take: Path, audio: Path | None, camera: View, size: str | None, fps: str | None, out: Path
) -> None:
    check_out(out, ".mp4")
    pixels = _parse_size(size or "1280x720")
    rate = _parse_rate(fps)

    from pmmlink.cli.progress import LiveView, clock_text, make_console
    from pmmlink.preview.camera import CAMERAS
    from pmmlink.preview.raster import Renderer
    from pmmlink.preview.subdivide import load_smooth_head
    from pmmlink.preview.take import read_animation
    from pmmlink.preview.video import VideoWriter
    from pmmlink.sources import FileSource

    console = make_console()
    animation = read_animation(take, rate)
    started = time.perf_counter()
    with ExitStack() as stack:
        sound = stack.enter_context(FileSource(audio)) if audio is not None else None
        video = stack.enter_context(VideoWriter(out, pixels, animation.fps, sound))
        renderer = Renderer(load_smooth_head(), CAMERAS[camera.value](), pixels, turns=True)
        view = LiveView(
            console,
            out.name,
            animation.duration_s,
            lambda: float(video.frames / animation.fps),
            lambda: [f"{video.frames / (time.perf_counter() - started):.1f} frames a second"],
        )
        with view:
            for picture in renderer.animate(animation.values):
                video.write(picture)
                view.tick()
    console.print(
        f"{out}: {len(animation.values)} frames at {animation.fps} fps, {clock_text(animation.duration_s)}, "
        f"{pixels[0]}x{pixels[1]}, {'with sound' if audio else 'silent'}, "
        f"in {time.perf_counter() - started:.1f} s"
    )


def _draw_still(take: Path, at_s: float, camera: View, size: str | None, out: Path) -> None:
    check_out(out, ".png")
    pixels = _parse_size(size or "1280x720")

    from pmmlink.cli.progress import make_console
    from pmmlink.preview.camera import CAMERAS
    from pmmlink.preview.image import write_png
    from pmmlink.preview.raster import Renderer
    from pmmlink.preview.subdivide import load_smooth_head
    from pmmlink.preview.take import read_animation

    animation = read_animation(take)
    if not 0 <= at_s < animation.duration_s:
        raise ConfigError(f"--at {at_s:g}: the take runs from 0 to {animation.duration_s:.2f} s")
    frame = min(round(at_s * animation.fps), len(animation.values) - 1)
    head = load_smooth_head()
    renderer = Renderer(head, CAMERAS[camera.value](), pixels, turns=True)
    picture = renderer.draw_curves(animation.values[frame][None])[0]
    write_png(out, picture)
    make_console().print(f"{out}: frame {frame} at {float(frame / animation.fps):.3f} s")


def _draw_grid(grid: Grid, camera: View, size: str | None, out: Path) -> None:
    check_out(out, ".png")
    tile = _parse_size(size or "180x180")

    from pmmlink.cli.progress import make_console
    from pmmlink.preview.camera import CAMERAS, sheet_camera
    from pmmlink.preview.image import write_png
    from pmmlink.preview.sheet import contact_sheet, curve_stills, phone_stills
    from pmmlink.preview.subdivide import load_smooth_head

    labels, values = curve_stills() if grid is Grid.curves else phone_stills()
    columns = 8 if grid is Grid.curves else 6
    seen_from = sheet_camera() if camera is View.face else CAMERAS[camera.value]()
    write_png(out, contact_sheet(load_smooth_head(), seen_from, labels, values, columns, tile))
    make_console().print(f"{out}: {len(labels)} stills")


def _parse_size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    if not (
        width.isdecimal() and height.isdecimal() and 16 <= int(width) <= 4096 and 16 <= int(height) <= 4096
    ):
        raise ConfigError(f"--size {text}: write WIDTHxHEIGHT, each from 16 to 4096, as in 1280x720")
    return int(width), int(height)


def _parse_rate(text: str | None) -> Fraction | None:
    if text is None:
        return None
    try:
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if not 1 <= rate <= 240:
        raise ConfigError(
            f"--fps {text}: must be a number or a fraction from 1 to 240, as in 30 or 30000/1001"
        )
    return rate
