"""Real files of every kind, written here by libsndfile and FFmpeg, read back in blocks."""

from __future__ import annotations

import struct
import tracemalloc
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile as sf

from pmmlink.errors import AudioError
from pmmlink.sources import FileSource
from pmmlink.sources.riff import missing_bytes


def tone(seconds: float, rate: int, channels: int = 1, hz: float = 440.0) -> np.ndarray:
    t = np.arange(round(seconds * rate)) / rate
    wave = 0.3 * np.sin(2 * np.pi * hz * t)
    return np.stack([wave * (1 + c) / channels for c in range(channels)], axis=1).astype(np.float32)


def read_all(path: Path, block: int = 1000) -> tuple[np.ndarray, FileSource]:
    with FileSource(path) as source:
        blocks = []
        while (sound := source.read(block)) is not None:
            assert sound.start == sum(map(len, blocks))
            assert sound.rate_hz == source.rate_hz
            blocks.append(sound.samples)
    return np.concatenate(blocks), source


def encode(path: Path, codec: str, sound: np.ndarray, rate: int, *, video: bool = False) -> None:
    """Write a film or a compressed file with FFmpeg."""
    with av.open(str(path), "w") as container:
        if video:
            picture = container.add_stream("mpeg4", rate=25)
            picture.width = picture.height = 32
            picture.pix_fmt = "yuv420p"
        stream = container.add_stream(codec, rate=rate)
        stream.layout = {1: "mono", 2: "stereo"}[sound.shape[1]]
        if video:
            for i in range(round(25 * len(sound) / rate)):
                frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), i % 255, np.uint8), format="rgb24")
                frame.pts = i
                frame.time_base = Fraction(1, 25)
                container.mux(picture.encode(frame))
            container.mux(picture.encode(None))
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound.T), format="fltp", layout=stream.layout)
        frame.sample_rate = rate
        frame.pts = 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.mark.parametrize(
    ("name", "rate", "channels", "subtype"),
    [
        ("a.wav", 44100, 2, "PCM_16"),
        ("a.wav", 48000, 1, "PCM_24"),
        ("a.wav", 16000, 1, "FLOAT"),
        ("a.wav", 192_000, 8, "PCM_24"),
        ("a.flac", 22050, 1, "PCM_16"),
        ("a.aiff", 32000, 2, "PCM_16"),
    ],
)
def test_lossless_formats_come_back_sample_by_sample(
    tmp_path: Path, name: str, rate: int, channels: int, subtype: str
) -> None:
    sound = tone(0.4, rate, channels)
    sf.write(tmp_path / name, sound, rate, subtype=subtype)
    got, source = read_all(tmp_path / name)
    assert (source.rate_hz, source.channels, source.length) == (rate, channels, len(sound))
    np.testing.assert_allclose(got, sound, atol=1e-4)


def test_8_khz_mu_law_is_read(tmp_path: Path) -> None:
    sound = tone(0.5, 8000)
    sf.write(tmp_path / "phone.wav", sound, 8000, subtype="ULAW")
    got, source = read_all(tmp_path / "phone.wav")
    assert source.rate_hz == 8000
    np.testing.assert_allclose(got, sound, atol=0.02)


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mp3", "MPEG_LAYER_III"), ("a.ogg", "VORBIS"), ("a.ogg", "OPUS")]
)
def test_compressed_formats_of_libsndfile_keep_length_and_timing(
    tmp_path: Path, name: str, codec: str
) -> None:
    sound = tone(1.0, 48000)
    sound[:24000] = 0.0
    sf.write(tmp_path / name, sound, 48000, subtype=codec)
    got, _ = read_all(tmp_path / name)
    assert abs(len(got) - 48000) < 2400
    onset = int(np.argmax(np.abs(got[:, 0]) > 0.1))
    assert abs(onset - 24000) < 1500


@pytest.mark.parametrize(
    ("name", "codec", "video"),
    [("a.mp4", "aac", True), ("a.mov", "pcm_s16le", True), ("a.mkv", "flac", True), ("a.m4a", "aac", False)],
)
def test_the_sound_of_films_is_read_in_time(tmp_path: Path, name: str, codec: str, video: bool) -> None:
    sound = tone(1.0, 48000, 2)
    sound[:24000] = 0.0
    path = tmp_path / name
    if codec in {"pcm_s16le", "flac"}:
        encode_integers(path, codec, sound)
    else:
        encode(path, codec, sound, 48000, video=video)
    got, source = read_all(path)
    assert (source.rate_hz, source.channels) == (48000, 2)
    assert abs(len(got) - 48000) <= 2048
    onset = int(np.argmax(np.abs(got[:, 1]) > 0.1))
    assert abs(onset - 24000) < 300
    assert source.length is None or abs(source.length - 48000) <= 2048


def encode_integers(path: Path, codec: str, sound: np.ndarray) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=48000)
        stream.layout = "stereo"
        stream.format = "s16"
        packed = np.ascontiguousarray((sound * 32767).astype(np.int16).reshape(1, -1))
        for start in range(0, packed.shape[1], 2 * 1024):
            piece = np.ascontiguousarray(packed[:, start : start + 2 * 1024])
            frame = av.AudioFrame.from_ndarray(piece, format="s16", layout="stereo")
            frame.sample_rate = 48000
            frame.pts = start // 2
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def test_any_block_size_gives_the_same_film_sound(tmp_path: Path) -> None:
    encode(tmp_path / "a.m4a", "aac", tone(0.5, 44100), 44100)
    small, _ = read_all(tmp_path / "a.m4a", 17)
    large, _ = read_all(tmp_path / "a.m4a", 1_000_000)
    np.testing.assert_array_equal(small, large)


def test_the_model_hears_the_mean_of_the_channels(tmp_path: Path) -> None:
    sound = tone(0.1, 16000, 4)
    sf.write(tmp_path / "a.wav", sound, 16000, subtype="FLOAT")
    with FileSource(tmp_path / "a.wav") as source:
        block = source.read(100)
        second = source.read(100)
    assert block is not None
    assert second is not None
    np.testing.assert_allclose(block.mono().samples, sound[:100].mean(axis=1), atol=1e-6)
    assert second.mono().start == 100


def wav_header(data_bytes: int, rate: int = 16000) -> bytes:
    fmt = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, rate * 2, 2, 16)
    return b"RIFF" + struct.pack("<I", 0xFFFFFFFF) + b"WAVE" + fmt + struct.pack("<4sI", b"data", data_bytes)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"nobody\.wav: no such file$"):
        FileSource(tmp_path / "nobody.wav")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="is a folder"):
        FileSource(tmp_path)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"")
    with pytest.raises(AudioError, match=r"empty \(0 bytes\)"):
        FileSource(tmp_path / "a.wav")


@pytest.mark.parametrize("name", ["a.wav", "a.mp3", "a.mp4", "a.txt", "a.ogg", "noending"])
def test_text_under_a_sound_name_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("I am a shopping list.\nMilk\nBread\n" * 50)
    with pytest.raises(AudioError, match=name) as caught:
        read_all(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_raw_sound_is_refused_with_advice(tmp_path: Path) -> None:
    (tmp_path / "a.raw").write_bytes(bytes(2000))
    with pytest.raises(AudioError, match=r"convert it to \.wav"):
        FileSource(tmp_path / "a.raw")


@pytest.mark.parametrize("suffix", ["wav", "aiff"])
def test_a_truncated_file_is_refused_before_anything_is_played(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    sf.write(path, tone(1.0, 16000), 16000, subtype="PCM_16")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(AudioError, match=r"truncated: 1[0-9]{4} bytes"):
        FileSource(path)


def test_a_truncated_rf64_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    sf.write(path, tone(1.0, 16000), 16000, format="RF64", subtype="PCM_16")
    assert missing_bytes(path) == 0
    path.write_bytes(path.read_bytes()[:-1000])
    assert missing_bytes(path) == 1000


def test_a_truncated_flac_is_noticed_where_it_ends(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    rng = np.random.default_rng(1)
    sf.write(path, rng.uniform(-0.5, 0.5, 48000), 16000)
    path.write_bytes(path.read_bytes()[:40000])
    with pytest.raises(AudioError, match=r"truncated: ends after|damaged at"):
        read_all(path)


def test_a_truncated_film_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    encode(path, "aac", tone(2.0, 48000), 48000, video=True)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(AudioError, match=r"a\.mp4"):
        read_all(path)


def test_a_wav_streamed_into_a_pipe_has_an_open_length_and_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(wav_header(0xFFFFFFFF) + bytes(3200))
    got, _ = read_all(tmp_path / "a.wav")
    assert got.shape == (1600, 1)


@pytest.mark.parametrize("name", ["a.wav", "a.aiff"])
def test_zero_length_sound_is_refused(tmp_path: Path, name: str) -> None:
    sf.write(tmp_path / name, np.zeros((0, 1), np.float32), 16000, subtype="PCM_16")
    with pytest.raises(AudioError, match="zero length"):
        read_all(tmp_path / name)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_sample_that_is_no_number_is_named_with_its_time(tmp_path: Path, bad: float) -> None:
    sound = tone(1.0, 16000, 2)
    sound[12345, 1] = bad
    sf.write(tmp_path / "a.wav", sound, 16000, subtype="FLOAT")
    with pytest.raises(AudioError, match=r"sample 12345 \(at 0\.772 s\) is (nan|-?inf)"):
        read_all(tmp_path / "a.wav")


def test_a_film_without_sound_says_so(tmp_path: Path) -> None:
    path = tmp_path / "silent.mp4"
    with av.open(str(path), "w") as container:
        picture = container.add_stream("mpeg4", rate=25)
        picture.width = picture.height = 32
        picture.pix_fmt = "yuv420p"
        container.mux(
            picture.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24"))
        )
        container.mux(picture.encode(None))
    with pytest.raises(AudioError, match="holds no sound track"):
        FileSource(path)


@pytest.mark.parametrize("name", ["long.flac", "long.m4a"])
def test_memory_does_not_grow_with_the_length_of_the_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    sound = tone(40.0, 16000)
    if name.endswith("flac"):
        sf.write(path, sound, 16000)
    else:
        encode(path, "aac", sound, 16000)
    with FileSource(path) as source:
        source.read(1600)
        tracemalloc.start()
        while source.read(1600) is not None:
            pass
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 500_000  # the sound itself is 2.6 MB


def test_names_with_blanks_and_foreign_letters_are_read(tmp_path: Path) -> None:
    path = tmp_path / "Grüße an Ödön 你好.wav"
    sf.write(path, tone(0.1, 16000), 16000)
    got, source = read_all(path)
    assert len(got) == 1600
    assert "你好" in source.name
