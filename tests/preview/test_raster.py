"""The off-screen renderer: geometry that can be worked out by hand, then the face itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pmmlink.curves import ARKIT_52
from pmmlink.preview.camera import Camera, face_camera, face_crop_camera, mouth_camera
from pmmlink.preview.head import load_head
from pmmlink.preview.image import read_picture, write_png
from pmmlink.preview.raster import Renderer, reference_face, render
from pmmlink.preview.zbuffer import visible

HEAD = load_head()


def _values(**curves: float) -> np.ndarray:
    values = np.zeros(52, np.float32)
    for name, value in curves.items():
        values[ARKIT_52.index(name)] = value
    return values


def _covered(x, y, depth, triangles, size=8):
    as_frames = [np.array([v], np.float32) for v in (x, y, depth)]
    return visible(*as_frames, np.array(triangles, np.int32), size, size)


def test_a_square_of_two_triangles_covers_each_of_its_pixels_once():
    seen = _covered([1, 1, 6, 6], [2, 5, 5, 2], [1, 1, 1, 1], [[0, 1, 2], [0, 2, 3]])
    pixels = set(seen.pixel.tolist())
    assert pixels == {row * 8 + column for row in (2, 3, 4) for column in range(1, 6)}


def test_a_triangle_seen_from_behind_is_not_drawn():
    assert len(_covered([1, 6, 1], [2, 2, 6], [1, 1, 1], [[0, 1, 2]]).pixel) == 0
    assert len(_covered([1, 1, 6], [2, 6, 2], [1, 1, 1], [[0, 1, 2]]).pixel) > 0


def test_the_nearer_of_two_triangles_wins_whatever_their_order():
    x, y = [0, 0, 8] * 2, [0, 8, 0] * 2
    for order in ([[0, 1, 2], [3, 4, 5]], [[3, 4, 5], [0, 1, 2]]):
        seen = _covered(x, y, [2, 2, 2, 1, 1, 1], order)
        assert {tuple(order[t]) for t in seen.triangle} == {(3, 4, 5)}


def test_what_lies_outside_the_picture_is_cut_off():
    seen = _covered([-40, -40, 60], [-40, 90, -40], [1, 1, 1], [[0, 1, 2]])
    assert len(seen.pixel) == 64


def test_barycentric_weights_give_back_the_pixel_centre():
    x, y = np.array([0.3, 2.2, 7.1]), np.array([0.2, 7.4, 1.3])
    seen = _covered(x, y, [1, 2, 3], [[0, 1, 2]])
    np.testing.assert_allclose(seen.weights.T @ x, seen.pixel % 8 + 0.5, atol=1e-4)
    np.testing.assert_allclose(seen.weights.T @ y, seen.pixel // 8 + 0.5, atol=1e-4)
    np.testing.assert_allclose(seen.weights.T @ [1, 2, 3], seen.depth, atol=1e-4)


def test_a_camera_shows_its_extent_at_the_target():
    camera = Camera(target=(0.0, 0.1, 0.0), direction=(0.0, 0.0, 2.0), distance_m=0.5, extent_m=0.2)
    points = np.array([[0, 0.1, 0], [0.1, 0.1, 0], [0, 0.2, 0], [-0.1, 0.0, 0]], np.float32)
    x, y, depth = camera.project(points, 300, 200)
    np.testing.assert_allclose(x, [150, 250, 150, 50], atol=1e-3)
    np.testing.assert_allclose(y, [100, 100, 0, 200], atol=1e-3)
    np.testing.assert_allclose(depth, 0.5, atol=1e-6)


def test_the_heads_left_is_on_the_right_of_the_picture():
    x, _, _ = face_camera().project(np.array([[0.05, 0, 0]], np.float32), 100, 100)
    assert x[0] > 50


def test_drawing_curves_is_drawing_their_mesh():
    values = np.stack([_values(), _values(jawOpen=0.6, mouthFunnel=0.4)])
    renderer = Renderer(HEAD, mouth_camera(), (80, 60))
    by_mesh = renderer.draw(HEAD.vertices_for(values)).astype(int)
    assert np.abs(renderer.draw_curves(values).astype(int) - by_mesh).max() <= 2


def test_frames_do_not_depend_on_their_neighbours():
    values = np.random.default_rng(1).uniform(0, 0.6, (9, 52)).astype(np.float32)
    renderer = Renderer(HEAD, face_crop_camera(), (32, 32))
    together = renderer.draw_curves(values)
    alone = np.concatenate([renderer.draw_curves(values[k : k + 1]) for k in range(9)])
    np.testing.assert_array_equal(together, alone)


def _darkness_between_the_lips(**curves: float) -> float:
    camera = replace(mouth_camera(), direction=(0.0, 0.0, 1.0), target=(0.0, -0.075, 0.02), extent_m=0.08)
    picture = Renderer(HEAD, camera, (96, 96)).draw_curves(_values(**curves)[None])[0]
    return float((picture.max(axis=2) < 90).mean())


def test_an_open_mouth_shows_a_dark_cavity_and_a_closed_one_does_not():
    shut, vowel = _darkness_between_the_lips(), _darkness_between_the_lips(jawOpen=0.6)
    bilabial = _darkness_between_the_lips(jawOpen=0.6, mouthClose=0.6)
    assert vowel > 0.05
    assert shut < 0.01
    assert bilabial < 0.015


def test_the_shipped_reference_face_is_the_resting_head_in_the_crop():
    from importlib import resources

    with resources.as_file(resources.files("pmmlink") / "assets" / "reference_face.png") as path:
        shipped = read_picture(path)
    assert shipped.shape == (96, 96, 3)
    assert np.abs(shipped.astype(int) - reference_face(HEAD)).max() <= 2


def test_the_mouth_lies_inside_the_crop_even_when_wide_open():
    moved = HEAD.vertices_for(np.stack([_values(), _values(jawOpen=1), _values(mouthFunnel=1, jawOpen=0.5)]))
    lips = moved[:, HEAD.part == HEAD.part_names.index("lips")]
    x, y, _ = face_crop_camera().project(lips, 96, 96)
    assert x.min() > 20
    assert x.max() < 76
    assert y.min() > 20
    assert y.max() < 80


def test_a_png_comes_back_as_it_was_written(tmp_path):
    picture = render(HEAD.vertices, HEAD, face_camera(), (50, 40), supersample=1)
    write_png(tmp_path / "face.png", picture)
    np.testing.assert_array_equal(read_picture(tmp_path / "face.png"), picture)
    assert [p.name for p in tmp_path.iterdir()] == ["face.png"]


def test_a_file_that_is_no_picture_is_refused_by_name(tmp_path):
    from pmmlink.errors import InputError

    (tmp_path / "x.png").write_text("hello")
    with pytest.raises(InputError, match=r"x\.png"):
        read_picture(tmp_path / "x.png")


def test_double_precision_vertices_draw_the_same_picture():
    camera, size = mouth_camera(), (60, 60)
    single = render(HEAD.vertices, HEAD, camera, size)
    np.testing.assert_allclose(render(HEAD.vertices.astype(np.float64), HEAD, camera, size), single, atol=2)
