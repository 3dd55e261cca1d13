"""What ``import pmmlink`` offers, loaded when it is first used."""

from __future__ import annotations

import pytest

import pmmlink


@pytest.mark.parametrize("name", pmmlink.__all__)
def test_every_public_name_can_be_had(name: str) -> None:
    assert getattr(pmmlink, name)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'sesion'"):
        pmmlink.sesion  # noqa: B018
