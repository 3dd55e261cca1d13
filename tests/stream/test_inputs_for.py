"""A stage tells exactly how much input its next output needs."""

from __future__ import annotations

import pytest
import torch
from test_stages import TOKEN_STAGES

from pmmlink.stream.stage import Stage


@pytest.mark.parametrize("name", TOKEN_STAGES)
def test_an_output_is_final_with_the_input_that_was_asked_for_and_not_before(name: str) -> None:
    torch.manual_seed(0)
    stage: Stage[object] = TOKEN_STAGES[name]().eval()
    x = torch.randn(1, 61, 8)
    with torch.inference_mode():
        for outputs in range(1, 12):
            needed = stage.inputs_for(outputs)
            assert stage.step(x[:, :needed], stage.init_state(1)).shape[1] >= outputs
            assert stage.step(x[:, : needed - 1], stage.init_state(1)).shape[1] < outputs
