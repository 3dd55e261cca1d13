"""A protocol run with models whose errors are known."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from takes import LIPS, jaw, make_takes, make_vocaset

from pmmlink.curves import MODEL_32
from pmmlink.errors import DataError
from pmmlink.eval.lip_vertices import find_lips
from pmmlink.eval.protocol import ProtocolReport, conditioning, evaluate_takes
from pmmlink.eval.protocol_html import to_html
from pmmlink.eval.protocol_report import to_json, to_markdown
from pmmlink.train.datasets import Take, TakeData, open_dataset, split_takes
from pmmlink.train.datasets.vocaset import PUBLIC_SPLIT
from pmmlink.types import FloatArray

JAW, PUCKER, LEFT = MODEL_32.positions(("jawOpen", "mouthPucker", "jawLeft"))


class KnownModel:
    """Knows these speakers; each style opens the jaw by so much too much."""

    name = "known"

    def __init__(self, **too_much: float) -> None:
        self.styles = tuple(too_much)
        self._too_much = too_much

    def predict(self, audio: FloatArray, style: str = "default") -> FloatArray:
        seconds = np.arange(len(audio) * 30 // 16_000) / 30.0
        curves = np.zeros((len(seconds), 32), np.float32)
        curves[:, JAW] = jaw(seconds) + self._too_much[style]
        curves[:, PUCKER] = 0.3 - 0.5 * jaw(seconds)
        curves[:, LEFT] = 0.05
        return curves


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_takes(tmp_path_factory.mktemp("sets") / "takes")


def run(made: Path, model: KnownModel, protocol: str = "cross-gender") -> ProtocolReport:
    split = split_takes(open_dataset(made), protocol)  # type: ignore[arg-type]
    report = ProtocolReport(model.name, {"protocol": protocol}, "curves")
    return evaluate_takes(model, split.test, split.train_styles, report)


def test_errors_are_those_of_the_styles_that_were_trained(made: Path) -> None:
    report = run(made, KnownModel(bert=0.02, stranger=0.5))
    assert report.styles == ("bert",)
    assert report.overall["lve"].value == pytest.approx(0.02, abs=1e-3)
    assert report.overall["ale"].value == pytest.approx(0.02 / 32, abs=1e-4)
    assert report.overall["lag"].value == 0
    assert report.rest["lve"].value > 0.2
    assert report.curves["jawOpen"].value > 0.999


def test_an_unseen_subject_is_animated_with_every_training_style_and_errors_are_averaged(made: Path) -> None:
    takes = open_dataset(made).takes
    anna = tuple(take for take in takes if take.subject == "anna")
    report = ProtocolReport("known", {"protocol": "cross-subject"}, "curves")
    evaluate_takes(KnownModel(bert=0.02, cora=0.06), anna, ("bert", "cora"), report)
    assert report.styles == ("bert", "cora")
    assert report.overall["lve"].value == pytest.approx(0.04, abs=1e-3)
    by_style = report.groups["style"]
    assert by_style["cora"]["lve"].value == pytest.approx(0.06, abs=1e-3)
    assert [take.styles for take in report.takes] == [2, 2]


def test_curves_without_a_label_do_not_part_the_lips(made: Path) -> None:
    """A model that funnels the lips where nobody has measured funnels meets the closures all the same."""

    class Funnels(KnownModel):
        def predict(self, audio: FloatArray, style: str = "default") -> FloatArray:
            curves = super().predict(audio, style)
            curves[:, MODEL_32.index("mouthFunnel")] = 0.5
            return curves

    def masked(take: Take) -> Take:
        def load() -> TakeData:
            data = take.load()
            data.targets[:, MODEL_32.index("mouthFunnel")] = np.nan
            return data

        return replace(take, loader=load)

    takes = [take for take in open_dataset(made).takes if take.subject == "anna"]
    figures = {}
    for name, some in (("labelled", takes), ("masked", [masked(take) for take in takes])):
        report = ProtocolReport("known", {"protocol": "cross-take"}, "curves")
        figures[name] = evaluate_takes(Funnels(anna=0.0), some, ("anna",), report).overall
    assert figures["masked"]["closure_recall"].value == 1.0
    assert figures["labelled"]["closure_recall"].value == 0.0


def test_which_styles_a_take_is_animated_with(made: Path) -> None:
    bert = next(take for take in open_dataset(made).takes if take.subject == "bert")
    assert conditioning(bert, ("bert", "cora"), ("default", "bert", "cora")) == ("bert",)
    assert conditioning(bert, ("anna", "cora"), ("default", "anna", "cora")) == ("anna", "cora")
    assert conditioning(bert, ("anna",), ("default", "grid_s1")) == ("default", "grid_s1")


def test_a_take_that_went_bad_is_named_and_left_out_but_not_all_may(tmp_path: Path) -> None:
    takes = make_takes(tmp_path / "takes", 1.2)
    split = split_takes(open_dataset(takes), "cross-gender")
    split.test[0].files[0].write_text("Timecode,BlendshapeCount,JawOpen\n", encoding="utf-8")
    report = ProtocolReport("known", {"protocol": "cross-gender"}, "curves")
    evaluate_takes(KnownModel(bert=0.0), split.test, split.train_styles, report)
    assert len(report.takes) == 1
    assert report.bad == [f"{split.test[0].files[0]}: 0 frames; record a few sentences"]
    assert "left out: " in to_markdown(report)
    with pytest.raises(DataError, match="none of the 1 test takes can be used"):
        evaluate_takes(KnownModel(bert=0.0), split.test[:1], (), ProtocolReport("known", {}, "curves"))


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: dict[str, int] = {}
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen[tag] = self.seen.get(tag, 0) + 1
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self.seen[tag] = self.seen.get(tag, 0) + 1

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_three_reports_say_the_same_and_the_page_needs_nothing_else(made: Path) -> None:
    report = run(made, KnownModel(bert=0.02))
    report.model = "<script>alert(1)</script> | x"
    values = json.loads(json.dumps(to_json(report), allow_nan=False))
    assert values["overall"]["lve"]["value"] == pytest.approx(0.02, abs=1e-3)
    assert len(values["takes"]) == 2
    figure = f"{100 * report.overall['lve'].value:.3f}"
    markdown, page = to_markdown(report), to_html(report)
    assert f"| the model | {figure} [" in markdown
    assert figure in page
    assert "<script" not in page
    parser = _Page()
    parser.feed(page)
    assert parser.open == []
    assert parser.links == []
    assert parser.seen["svg"] == 3
    assert parser.seen["circle"] == 2
    assert parser.seen["path"] == 2 * 2 * 7
    drawn = page[page.index("<svg") :]
    assert "nan" not in drawn[: drawn.rindex("</svg>")]


def test_meshes_are_measured_at_their_lips(tmp_path: Path) -> None:
    root = make_vocaset(tmp_path / "vocaset", [names[0] for names in PUBLIC_SPLIT.values()])
    dataset = open_dataset(root)
    split = split_takes(dataset, "public")
    assert dataset.templates is not None
    rest = next(iter(dataset.templates.values()))
    lips = find_lips(rest, [take.load().targets for take in split.train])

    class LateModel:
        name, styles = "late", split.train_styles

        def predict(self, audio: FloatArray, style: str = "") -> FloatArray:  # noqa: ARG002
            """The true lower lip, 2 mm too low, two frames late."""
            truth = split.test[0].load().targets.reshape(-1, 40, 3)
            late = np.concatenate([truth[:1], truth[:1], truth[:-2]]).copy()
            late[:, 10:20, 1] -= 2.0
            late[:, 20:] = 99.0  # the skull is not measured
            return late.reshape(len(late), -1)

    report = ProtocolReport("late", {"protocol": "public"}, "vertices")
    evaluate_takes(
        LateModel(), split.test, split.train_styles, report, lips=lips, templates=dataset.templates
    )
    assert lips.vertices.tolist() == list(LIPS)
    assert report.overall["lag"].value == 2
    truth = split.test[0].load().targets.reshape(-1, 40, 3)[:, 15, 1]
    error = np.abs(np.concatenate([truth[:1], truth[:1], truth[:-2]]) - 2.0 - truth)
    assert report.overall["lve"].value == pytest.approx(error.mean(), rel=1e-4)
    assert report.overall["ale"].value == pytest.approx(error.mean() / 2, rel=1e-4)
    assert report.overall["lve_squared"].value == pytest.approx((error**2).mean() * 1e-6, rel=1e-4)
    assert "LVE squared, ×10⁻⁵ m²" in to_markdown(report)
    assert "lips apart, mm" in to_html(report)


def test_a_model_with_other_outputs_is_refused(made: Path) -> None:
    class Mesh(KnownModel):
        def predict(self, audio: FloatArray, style: str = "default") -> FloatArray:  # noqa: ARG002
            return np.zeros((len(audio) // 534, 120), np.float32)

    with pytest.raises(DataError, match=r"take_1\.csv: 32 outputs are labelled, the model makes 120"):
        run(made, Mesh(bert=0.0))
