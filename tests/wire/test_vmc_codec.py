"""VMC bundles as python-osc reads them."""

from __future__ import annotations

import pytest
from pythonosc.osc_bundle import OscBundle

from pmmlink.curves import ARKIT_52
from pmmlink.errors import WireError
from pmmlink.wire import vmc

VALUES = [i / 64 for i in range(52)]


def test_python_osc_finds_every_value_once_and_the_apply_last() -> None:
    messages = [message for data in vmc.encode(ARKIT_52.wire_names, VALUES) for message in OscBundle(data)]
    assert [message.params for message in messages[:-1]] == [
        [name, value] for name, value in zip(ARKIT_52.wire_names, VALUES, strict=True)
    ]
    assert {message.address for message in messages[:-1]} == {"/VMC/Ext/Blend/Val"}
    assert (messages[-1].address, messages[-1].params) == ("/VMC/Ext/Blend/Apply", [])


def test_no_bundle_is_fragmented_by_ethernet() -> None:
    bundles = vmc.encode(ARKIT_52.wire_names, VALUES)
    assert len(bundles) == 2
    assert max(len(data) for data in bundles) <= 1472


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1e39])
def test_a_value_that_is_not_a_finite_float32_is_refused(bad: float) -> None:
    with pytest.raises(WireError):
        vmc.encode(["JawOpen"], [bad])
