"""What is wrong with a verb's options, in our words: Typer tells it in pydantic's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

from photosync.__main__ import STOPPED
from photosync.domain.media import readable
from photosync.errors import SettingsError, Stopping

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_SHOWN = 60
ONE_OF = " is not one of "


class Verbs(TyperGroup):
    """Every verb; whatever it cannot take is told as settings that are wrong."""

    def invoke(self, ctx: Any) -> Any:
        """Run the verb.

        Raises:
            SettingsError: An option or argument has a value that is not possible.
            Stopping: Ctrl-C came, and the verb had not begun to heed it itself.
        """
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise Stopping(STOPPED) from error
        except typer.BadParameter as error:
            details = getattr(error.__cause__, "errors", None)
            if details is None:
                raise  # something is missing, say: told in plain words already
            raise _impossible(error, details()[0]) from error


def _impossible(error: Any, detail: Mapping[str, Any]) -> SettingsError:
    option = next((one for one in error.param.opts if one.startswith("--")), error.param.metavar)
    value = readable(str(detail["input"]))
    if len(value) > LONGEST_SHOWN:
        value = value[: LONGEST_SHOWN - 1] + "…"
    return SettingsError(
        f'{str(option).rstrip(".")} "{value}": that is not possible (allowed: {_allowed(detail)}).',
        hint=f"{error.ctx.command_path} --help explains it." if error.ctx else "",
    )


def _allowed(detail: Mapping[str, Any]) -> str:
    kind, limits = detail["type"], detail.get("ctx", {})
    if kind.startswith("int_"):
        return "a whole number"
    if kind == "greater_than_equal":
        return f"a whole number from {limits['ge']:,} on"
    if kind == "less_than_equal":
        return f"a whole number up to {limits['le']:,}"
    _, found, names = str(detail["msg"]).partition(ONE_OF)
    if found:
        one = [name.strip().strip("'") for name in names.rstrip(".").split(",")]
        return " or ".join(filter(None, (", ".join(one[:-1]), one[-1])))
    return "see below"
