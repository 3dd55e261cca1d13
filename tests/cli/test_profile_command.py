"""``pmmlink profile`` lists, shows, checks and compares."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pmmlink.resources import shipped_profiles


def test_every_shipped_profile_is_listed_shown_and_good(pmmlink: Callable[..., object]) -> None:
    listed = pmmlink("profile", "list")
    assert listed.code == 0
    for name in shipped_profiles():
        line = next(line for line in listed.out.splitlines() if line.startswith(f"{name} "))
        assert line.endswith("."), "what it is for, in whole sentences"
    assert "vrm (5 curves)" in listed.out
    assert pmmlink("profile", "check", *shipped_profiles()).code == 0
    shown = pmmlink("profile", "show", "broad")
    assert "intensity                1.25" in shown.out
    assert "gain 1.15, exponent 0.9" in shown.out
    assert "changes nothing" in pmmlink("profile", "show").out


def test_bad_profiles_are_named_with_file_line_and_remedy(pmmlink: Callable[..., object]) -> None:
    Path("good.yaml").write_text("version: 1\n")
    Path("bad.yaml").write_text("version: 1\ncurves:\n  jawOpne: {gain: 1}\n")
    ended = pmmlink("profile", "check", "bad.yaml", "good.yaml", "metahumn")
    assert ended.code == 2
    assert "bad.yaml:3: unknown curve 'jawOpne'; did you mean 'jawOpen'?" in ended.out
    assert "good.yaml: good" in ended.out
    assert "metahumn: no such file, and no shipped profile; did you mean 'metahuman'?" in ended.out
    shown = pmmlink("profile", "show", "bad.yaml")
    assert shown.code == 2
    assert shown.err.startswith("pmmlink: bad.yaml:3: ")


def test_diff_says_what_differs_and_its_exit_code_tells(pmmlink: Callable[..., object]) -> None:
    ended = pmmlink("profile", "diff", "default", "arkit-raw")
    assert ended.code == 1
    assert ended.out.split() == ["tie_lips", "default", "->", "False"]
    assert pmmlink("profile", "diff", "broad", "broad").code == 0


def test_a_bake_takes_a_profile_by_name_and_an_intensity(
    pmmlink: Callable[..., object], weights: Path, speech: Path
) -> None:
    from pmmlink.retarget.actor_take import read_take

    for out, flags in (("a.csv", []), ("b.csv", ["--profile", "broad"]), ("c.csv", ["--intensity", "0"])):
        ended = pmmlink("bake", speech, "-o", out, "--weights", weights, *flags)
        assert ended.code == 0, ended.err
    plain, named, still = (read_take(Path(n)) for n in ("a.csv", "b.csv", "c.csv"))
    assert plain.max() > 0.01
    assert named.sum() > 1.1 * plain.sum()
    assert still.max() == 0.0
