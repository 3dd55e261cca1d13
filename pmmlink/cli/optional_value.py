"""Options whose value may be left out, as in ``--monitor [DEVICE]``; typer itself knows none."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand


def with_optional_value(*names: str) -> type[TyperCommand]:
    """A kind of command whose options of these names mean the empty text when nothing follows them."""

    class Command(TyperCommand):
        def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
            filled = []
            for i, argument in enumerate(args):
                following = args[i + 1] if i + 1 < len(args) else "-"
                bare = argument in names and following.startswith("-")
                filled.append(f"{argument}=" if bare else argument)
            return super().parse_args(ctx, filled)

    return Command
