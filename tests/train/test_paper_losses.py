"""The paper's losses by hand, eq. 8-12, and their gradients."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from pmmlink.model.alignment import alignment_losses, semantic_loss, temporal_loss, temporal_similarity
from pmmlink.model.pmmtalk import Prediction
from pmmlink.train.losses import Lambdas, motion_loss, paper_terms, position_loss, weighted_sum

NAN = float("nan")


def test_the_position_loss_is_the_mean_over_frames_of_squared_norms() -> None:
    predicted = torch.tensor([[[1.0, 2.0], [3.0, 4.0]]])
    target = torch.tensor([[[0.0, 0.0], [3.0, 1.0]]])
    # (1 + 4 + 0 + 9) / 2 frames: the norm is a sum over coefficients.
    assert position_loss(predicted, target).item() == 7.0


def test_the_motion_loss_divides_the_differences_of_all_but_the_first_frame_by_all_frames() -> None:
    predicted = torch.tensor([[[0.0], [1.0], [3.0]]])
    target = torch.tensor([[[0.0], [0.0], [5.0]]])
    # Differences 1, 2 against 0, 5: (1 - 0)² + (2 - 5)² = 10, over T = 3.
    assert motion_loss(predicted, target).item() == pytest.approx(10 / 3)


def test_a_constant_offset_has_no_motion_loss() -> None:
    target = torch.randn(1, 9, 4)
    assert motion_loss(target + 0.3, target).item() == pytest.approx(0.0, abs=1e-10)


def test_unknown_targets_add_nothing_and_frames_without_labels_do_not_count() -> None:
    predicted = torch.tensor([[[1.0, 9.0], [2.0, 9.0], [7.0, 7.0], [4.0, 1.0]]], requires_grad=True)
    target = torch.tensor([[[0.0, NAN], [0.0, NAN], [NAN, NAN], [0.0, 0.0]]])
    # Three frames have a label: (1 + 4 + 16 + 1) / 3.
    position = position_loss(predicted, target)
    assert position.item() == pytest.approx(22 / 3)
    # Only the step from the first frame to the second is known, in the first column: 1² / 3.
    motion = motion_loss(predicted, target)
    assert motion.item() == pytest.approx(1 / 3)
    (position + motion).backward()
    assert predicted.grad is not None
    assert torch.isfinite(predicted.grad).all()
    assert predicted.grad[0, :3, 1].abs().sum().item() == 0.0
    assert predicted.grad[0, 2].abs().sum().item() == 0.0


def test_a_clip_without_any_label_costs_nothing() -> None:
    nothing = torch.full((1, 3, 2), NAN)
    assert position_loss(torch.ones(1, 3, 2), nothing).item() == 0.0
    assert motion_loss(torch.ones(1, 3, 2), nothing).item() == 0.0


def test_the_temporal_loss_of_two_frames_by_hand() -> None:
    similarity = torch.tensor([[[2.0, 0.0], [1.0, 1.0]]], dtype=torch.float64)
    mask = torch.ones(1, 2, dtype=torch.float64)
    e = math.e
    q = (e / (1 + e), 1 / (1 + e))  # the label's first row; its second is the mirror image
    rows = [(e**2 / (1 + e**2), 1 / (1 + e**2)), (0.5, 0.5)]
    labels = [q, q[::-1]]
    written = divergence = 0.0
    for p, label in zip(rows, labels, strict=True):
        for a, b in zip(p, label, strict=True):
            written -= a * math.log(b) + b * math.log(a)
            divergence += b * math.log(b / a) + a * math.log(a / b)
    # As written: the sum over frames. As a divergence: without the entropies, the mean over frames.
    assert temporal_loss(similarity, mask, "as_written").item() == pytest.approx(written)
    assert temporal_loss(similarity, mask).item() == pytest.approx(divergence / 2)


def test_eq_11_as_written_differs_from_the_divergence_by_the_entropies() -> None:
    scores = torch.randn(1, 5, 5, dtype=torch.float64)
    mask = torch.ones(1, 5, dtype=torch.float64)

    def entropy(x: Tensor) -> float:
        p = x.softmax(-1)
        return float(-(p * p.log()).sum())

    label = torch.eye(5, dtype=torch.float64)[None]
    assert temporal_loss(scores, mask, "as_written").item() == pytest.approx(
        5 * temporal_loss(scores, mask).item() + entropy(scores) + entropy(label)
    )


def test_eq_11_with_its_double_logarithm_is_no_number() -> None:
    log_p = torch.randn(4, 4).log_softmax(-1)
    assert torch.isnan(log_p.log()).all()


def test_frames_that_do_not_exist_do_not_count_in_the_written_form() -> None:
    scores = torch.randn(1, 6, 6)
    mask = torch.tensor([[1.0, 1.0, 1.0, 1.0, 0.0, 0.0]])
    short = temporal_loss(scores[:, :4, :4], torch.ones(1, 4), "as_written")
    assert temporal_loss(scores, mask, "as_written").item() == pytest.approx(short.item(), rel=1e-5)


def test_the_semantic_loss_is_one_less_the_cosine_of_the_means() -> None:
    x = torch.tensor([[[1.0, 0.0], [1.0, 0.0]]])
    y = torch.tensor([[[1.0, 0.0], [-1.0, 2.0]]])
    # Means (1, 0) and (0, 1): orthogonal.
    assert semantic_loss(x, y, torch.ones(1, 2)).item() == pytest.approx(1.0)


def test_three_modalities_have_three_pairs_and_two_have_one() -> None:
    a, b, c = (torch.randn(1, 4, 3) for _ in range(3))
    mask = torch.ones(1, 4)

    def pair(x: Tensor, y: Tensor) -> float:
        return temporal_loss(temporal_similarity(x, y), mask, "as_written").item()

    temporal, _ = alignment_losses([a, b, c], mask, "as_written")
    assert temporal.item() == pytest.approx((pair(a, b) + pair(a, c) + pair(b, c)) / 3, rel=1e-5)
    temporal, semantic = alignment_losses([a, b], mask, "as_written")
    assert temporal.item() == pytest.approx(pair(a, b), rel=1e-5)
    assert semantic.item() == pytest.approx(semantic_loss(a, b, mask).item())
    assert [x.item() for x in alignment_losses([a], mask, "as_written")] == [0.0, 0.0]


def test_eq_8_weighs_the_terms_as_the_paper_does() -> None:
    terms = torch.tensor([2.0, 3.0, 5.0, 7.0], dtype=torch.float64)
    assert weighted_sum(terms, Lambdas()).item() == pytest.approx(2 + 30 + 5e-4 + 7e-5)
    left_out = Lambdas(motion=0.0, temporal=0.0)
    assert weighted_sum(terms, left_out).item() == pytest.approx(2 + 7e-5)
    terms[1] = NAN
    assert weighted_sum(terms, left_out).item() == pytest.approx(2 + 7e-5)


def test_the_terms_take_the_common_length_and_leave_the_closure_logit_out() -> None:
    raw = torch.zeros(1, 5, 3)
    raw[..., -1] = 99.0
    target = torch.ones(1, 4, 2)
    terms = paper_terms(Prediction(raw, [torch.ones(1, 5, 2)], None), target)
    assert terms.tolist() == [2.0, 0.0, 0.0, 0.0]


def test_the_pairs_are_the_papers_image_text_image_audio_text_audio() -> None:
    torch.manual_seed(5)
    audio, text, image = (torch.randn(1, 6, 4) for _ in range(3))
    terms = paper_terms(Prediction(torch.zeros(1, 6, 3), [audio, text, image], None), torch.zeros(1, 6, 2))
    mask = torch.ones(1, 6)

    def mean(*pairs: tuple[Tensor, Tensor]) -> float:
        return sum(temporal_loss(temporal_similarity(x, y), mask, "as_written").item() for x, y in pairs) / 3

    written = mean((image, text), (image, audio), (text, audio))
    assert terms[2].item() == pytest.approx(written, rel=1e-5)
    assert written != pytest.approx(mean((text, image), (audio, image), (audio, text)), rel=1e-3)


def test_half_precision_predictions_are_weighed_in_full() -> None:
    raw = torch.zeros(1, 400, 3, dtype=torch.bfloat16)
    target = torch.full((1, 400, 2), 300.0)
    terms = paper_terms(Prediction(raw, [torch.ones(1, 400, 2, dtype=torch.bfloat16)] * 2, None), target)
    assert terms.dtype == torch.float32
    assert terms[0].item() == pytest.approx(180_000.0)


@pytest.mark.parametrize("form", ["as_written", "divergence"])
def test_gradients_of_the_alignment_losses(form: str) -> None:
    torch.manual_seed(1)
    x, y = (torch.randn(1, 4, 3, dtype=torch.float64, requires_grad=True) for _ in range(2))
    mask = torch.ones(1, 4, dtype=torch.float64)

    def both(x: Tensor, y: Tensor) -> Tensor:
        return torch.stack(alignment_losses([x, y], mask, form))  # type: ignore[arg-type]

    assert torch.autograd.gradcheck(both, (x, y))


def test_gradients_of_the_face_losses_with_unknown_targets() -> None:
    torch.manual_seed(2)
    predicted = torch.randn(1, 5, 3, dtype=torch.float64, requires_grad=True)
    target = torch.randn(1, 5, 3, dtype=torch.float64)
    target[0, 2] = NAN
    target[0, :, 1] = NAN

    def both(predicted: Tensor) -> Tensor:
        return torch.stack([position_loss(predicted, target), motion_loss(predicted, target)])

    assert torch.autograd.gradcheck(both, (predicted,))
