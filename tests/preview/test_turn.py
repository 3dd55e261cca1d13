"""Head and eyes turn where a frame's angles say so, in the picture and on the mesh."""

from __future__ import annotations

import numpy as np
import pytest

from pmmlink.curves import ARKIT_52, LIVELINK_61
from pmmlink.preview.camera import face_camera
from pmmlink.preview.head import load_head
from pmmlink.preview.raster import Renderer
from pmmlink.preview.turn import Turn, eye_vertices, rotation

HEAD = load_head()
NOSE = int(np.argmax(HEAD.vertices[:, 2]))
BASE = int(np.argmin(HEAD.vertices[:, 1] + 0.4 * HEAD.vertices[:, 2]))


def _turned(**values: float) -> np.ndarray:
    frame = np.zeros(61, np.float32)
    for name, value in values.items():
        frame[LIVELINK_61.index(name)] = value
    vertices = HEAD.vertices_for(frame[: len(ARKIT_52)])
    Turn(HEAD).apply(vertices, frame)
    return vertices


@pytest.mark.parametrize(
    ("angle", "axis", "sign"), [("headYaw", 0, 1), ("headPitch", 1, -1), ("headRoll", 0, -1)]
)
def test_the_head_turns_and_the_base_of_the_neck_stays(angle: str, axis: int, sign: int) -> None:
    # Seen at the nose; a roll is seen at the crown.
    where = NOSE if angle != "headRoll" else int(np.argmax(HEAD.vertices[:, 1]))
    moved = _turned(**{angle: 0.3}) - HEAD.vertices
    assert sign * moved[where, axis] > 0.02
    assert np.abs(moved[BASE]).max() < 1e-6


def test_a_turned_face_keeps_its_shape() -> None:
    moved = _turned(headYaw=0.4, headPitch=-0.2, headRoll=0.1, jawOpen=0.5)
    gap = moved[HEAD.lip_upper] - moved[HEAD.lip_lower]
    straight = _turned(jawOpen=0.5)
    assert np.linalg.norm(gap) == pytest.approx(
        np.linalg.norm(straight[HEAD.lip_upper] - straight[HEAD.lip_lower]), rel=0.02
    )


def test_an_eye_follows_its_own_angles_only_while_its_curves_rest() -> None:
    left, right = eye_vertices(HEAD)
    moved = _turned(leftEyeYaw=0.3) - HEAD.vertices
    assert np.abs(moved[left]).max() > 0.002
    assert np.abs(moved[right]).max() < 1e-6
    np.testing.assert_allclose(
        _turned(leftEyeYaw=0.3, eyeLookInLeft=0.4), _turned(eyeLookInLeft=0.4), atol=1e-6
    )


def test_absurd_angles_are_held_to_what_a_neck_can_do() -> None:
    np.testing.assert_allclose(_turned(headYaw=50), _turned(headYaw=1.2), atol=1e-6)
    np.testing.assert_allclose(rotation(0.5, -0.4, 0.3) @ rotation(0.5, -0.4, 0.3).T, np.eye(3), atol=1e-6)


def test_the_renderer_draws_the_turn_and_frames_of_52_stay_as_they_were() -> None:
    renderer = Renderer(HEAD, face_camera(), (64, 64), turns=True)
    frames = np.zeros((3, 61), np.float32)
    frames[1, LIVELINK_61.index("headYaw")] = 0.5
    straight, turned, again = renderer.animate(frames)
    assert np.abs(straight.astype(int) - turned).max() > 60
    np.testing.assert_array_equal(straight, again)
    np.testing.assert_array_equal(straight, renderer.draw_curves(np.zeros((1, 52), np.float32))[0])
