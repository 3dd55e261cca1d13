"""Writes the golden datagrams of this folder, each with a ``.json`` of what it holds.

Run ``python tests/golden/make.py`` after a deliberate change of the wire formats, and read the
difference before committing it: the Unreal plugin's C++ tests read the same files.

The bytes are laid out here by hand from the format tables, not by pmmlink's encoders, so that a
mistake in an encoder cannot hide in its own golden file.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent

SUBJECT = "Ada 顔"  # two scripts: lengths in bytes and in characters differ
SESSION = -1234567890  # negative: the session is a signed 32-bit number
DEVICE_ID = "0F8FAD5B-D9CB-469F-A165-70867728950E"

EYE = ["Blink", "LookDown", "LookIn", "LookOut", "LookUp", "Squint", "Wide"]
JAW = ["JawForward", "JawLeft", "JawRight", "JawOpen"]
MOUTH_MIDDLE = ["MouthClose", "MouthFunnel", "MouthPucker", "MouthLeft", "MouthRight"]
MOUTH_PAIRS_1 = ["Smile", "Frown", "Dimple", "Stretch"]
MOUTH_INNER = ["MouthRollLower", "MouthRollUpper", "MouthShrugLower", "MouthShrugUpper"]
MOUTH_PAIRS_2 = ["Press", "LowerDown", "UpperUp"]
CHEEK = ["CheekPuff", "CheekSquintLeft", "CheekSquintRight"]
NOSE = ["NoseSneerLeft", "NoseSneerRight"]
BROW = ["BrowDownLeft", "BrowDownRight", "BrowInnerUp", "BrowOuterUpLeft", "BrowOuterUpRight"]
ROTATIONS = [f"{part}{axis}" for part in ("Head", "LeftEye", "RightEye") for axis in ("Yaw", "Pitch", "Roll")]


def pairs(parts: list[str]) -> list[str]:
    return [f"Mouth{part}{side}" for part in parts for side in ("Left", "Right")]


MOUTH = MOUTH_MIDDLE + pairs(MOUTH_PAIRS_1) + MOUTH_INNER + pairs(MOUTH_PAIRS_2)
NAMES_32 = JAW + MOUTH + CHEEK + NOSE
NAMES_61 = [
    *(f"Eye{part}{side}" for side in ("Left", "Right") for part in EYE),
    *JAW,
    *MOUTH,
    *BROW,
    *CHEEK,
    *NOSE,
    "TongueOut",
    *ROTATIONS,
]


def values(count: int) -> list[float]:
    """Value i is (i + 1) / 64, exact in float32 and different in every place; angles are negative."""
    return [(i + 1) / 64 if i < 52 else -(i + 1) / 128 for i in range(count)]


def osc_string(text: str) -> bytes:
    data = text.encode("utf-8") + b"\0"
    return data + b"\0" * (-len(data) % 4)


def osc_names() -> tuple[bytes, dict[str, Any]]:
    tags = "," + "s" * (1 + len(NAMES_61))
    data = osc_string("/pmmlink/1/names") + osc_string(tags) + b"".join(map(osc_string, [SUBJECT, *NAMES_61]))
    return data, {"address": "/pmmlink/1/names", "subject": SUBJECT, "names": NAMES_61}


def osc_frame(count: int, seq: int, time_us: int, fps: tuple[int, int]) -> tuple[bytes, dict[str, Any]]:
    data = osc_string("/pmmlink/1/frame") + osc_string(",siihii" + "f" * count) + osc_string(SUBJECT)
    data += struct.pack(f">iiqii{count}f", SESSION, seq, time_us, *fps, *values(count))
    return data, {
        "address": "/pmmlink/1/frame",
        "subject": SUBJECT,
        "session": SESSION,
        "seq": seq,
        "time_us": time_us,
        "fps_numerator": fps[0],
        "fps_denominator": fps[1],
        "values": values(count),
    }


def osc_bye() -> tuple[bytes, dict[str, Any]]:
    data = osc_string("/pmmlink/1/bye") + osc_string(",si") + osc_string(SUBJECT) + struct.pack(">i", SESSION)
    return data, {"address": "/pmmlink/1/bye", "subject": SUBJECT, "session": SESSION}


def livelink() -> tuple[bytes, dict[str, Any]]:
    device_id, subject = DEVICE_ID.encode(), SUBJECT.encode()
    frame, sub_frame, rate = 1_091_430, 0.375, (30, 1)  # 10:06:21 and 0.375 of a frame
    data = struct.pack(">Bi", 6, len(device_id)) + device_id + struct.pack(">i", len(subject)) + subject
    data += struct.pack(">ifiiB61f", frame, sub_frame, *rate, 61, *values(61))
    return data, {
        "version": 6,
        "device_id": DEVICE_ID,
        "subject": SUBJECT,
        "frame_number": frame,
        "sub_frame": sub_frame,
        "rate_numerator": rate[0],
        "rate_denominator": rate[1],
        "values": values(61),
    }


def packets() -> dict[str, tuple[bytes, dict[str, Any]]]:
    return {
        "osc_names": osc_names(),
        # An hour and more in: the capture time does not fit 32 bits.
        "osc_frame_32": osc_frame(32, seq=216_001, time_us=7_200_033_333, fps=(30, 1)),
        "osc_frame_61": osc_frame(61, seq=5, time_us=83_417, fps=(60_000, 1_001)),
        "osc_bye": osc_bye(),
        "livelink_v6_ours": livelink(),
    }


def main() -> None:
    for name, (data, decoded) in packets().items():
        (HERE / f"{name}.bin").write_bytes(data)
        text = json.dumps(decoded, ensure_ascii=False, indent=1)
        (HERE / f"{name}.json").write_text(text + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
