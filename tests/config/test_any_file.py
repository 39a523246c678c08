"""Whatever a settings file holds: it loads as written, or is refused in words for people."""

from __future__ import annotations

import inspect
import json
import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import settings as how
from hypothesis import strategies as st
from pydantic_settings import BaseSettings

from photosync import config
from photosync.config import keys
from photosync.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

HOME = {"HOME": "/home/nobody-here"}
KIB = 1024
UNITS = {"": 1, "B": 1, "kB": 1000, "MB": 1000**2, "GB": 1000**3}
UNITS |= {"KiB": KIB, "MiB": KIB**2, "GiB": KIB**3, "mib": KIB**2, "GIB": KIB**3}
LEAST_CHUNK, MOST_CHUNK = 256 * KIB, KIB**3
OWN_ARGUMENTS = [
    name for name in inspect.signature(BaseSettings.__init__).parameters if name.startswith("_")
]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("settings") / "config.toml"


def refusal(file: Path, environ: Mapping[str, str] = HOME) -> SettingsError:
    with pytest.raises(SettingsError) as told:
        config.load(file, environ)
    return told.value


def toml(value: Any) -> str:
    """``value`` as TOML writes it within a line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml(key)} = {toml(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, float) and math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return json.dumps(value, ensure_ascii=False)


# What pydantic-settings would take for orders to itself


@pytest.mark.parametrize("name", [*OWN_ARGUMENTS, "_of_nobody"])
def test_a_key_that_pydantic_would_obey_is_an_unknown_setting(file: Path, name: str) -> None:
    file.write_text(f"{name} = 1\n[upload]\nworkers = 99\n", "utf-8")
    message = refusal(file).message
    assert f"{file}: {name}: there is no such setting" in message
    assert "upload.workers = 99" in message  # with all others


def test_pydantic_still_has_arguments_to_be_wary_of() -> None:
    assert {"_env_prefix", "_cli_parse_args"} <= set(OWN_ARGUMENTS)


# Files that are hardly settings


@pytest.mark.parametrize("digits", [400, 5_000])
def test_a_number_without_end(file: Path, digits: int) -> None:
    file.write_text(f"[upload]\nchunk = {'9' * digits}\n", "utf-8")
    told = refusal(file)
    assert str(file) in told.message
    assert len(str(told)) < 1000


@how(deadline=None)
@given(st.binary(max_size=200) | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")))
@example(b"\xef\xbb\xbf")
@example(b"\x00")
@example(b"[[folder]]\npath = '\x1b[2J'\n")
def test_any_bytes_load_or_are_refused_in_printable_words(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    loads_or_tells(file)


NAMES = st.sampled_from(
    [name for table in keys.KEYS.values() for name in table]
    + ["phone", "_env_file", "", "\x1b[2J", "x y", "folder.path"]
)
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
LEAVES = (
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | TEXTS
    | st.sampled_from(["~", "~x/y", "/", "..", "16 MiB", "https://[", "{year}", "2026-01-01"])
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=8,
)


@how(deadline=None, max_examples=200)
@given(st.dictionaries(NAMES, VALUES, max_size=4))
@example({"folder": [{"path": "/a"}, {"path": 5}, 7]})
@example({"google": {"token_file": "~nobody-of-that-name/x"}, "upload": [{}]})
@example({"select": {"include": ["", {"path": 1}, "\x00"]}})
def test_any_toml_loads_or_is_refused_in_printable_words(
    file: Path, content: dict[str, Any]
) -> None:
    lines = [f"{toml(key)} = {toml(value)}" for key, value in content.items()]
    file.write_text("\n".join(lines), "utf-8")
    loads_or_tells(file)


def loads_or_tells(file: Path) -> None:
    told: SettingsError | None = None
    try:
        settings = config.load(file, HOME)
    except SettingsError as error:
        told = error
    if told is not None:
        assert all(line.isprintable() for line in str(told).split("\n"))
        assert str(file) in told.message
        assert told.hint
        return
    paths = [settings.state_dir, settings.google.token_file, settings.google.client_secret_file]
    assert all(path.is_absolute() for path in (*paths, *(one.path for one in settings.folder)))
    config.shown(settings, HOME)


# Sizes

AMOUNTS = st.decimals(0, 10**9, places=3).map(lambda number: format(number.normalize(), "f"))


@how(deadline=None)
@given(AMOUNTS, st.sampled_from(sorted(UNITS)), st.sampled_from(["", " ", "  "]))
@example("1", "GiB", " ")
@example("256", "KiB", "")
@example("255.999", "KiB", " ")
@example("1073741825", "B", " ")
@example("0.000999", "GB", "")
def test_a_size_is_exactly_what_it_says_or_out_of_bounds(
    file: Path, amount: str, unit: str, gap: str
) -> None:
    file.write_text(f'[upload]\nchunk = "{amount}{gap}{unit}"\n', "utf-8")
    meant = int(Fraction(amount) * UNITS[unit])
    if LEAST_CHUNK <= meant <= MOST_CHUNK:
        assert config.load(file, HOME).upload.chunk == meant
    else:
        assert "from 256 KiB to 1 GiB" in refusal(file).message


@how(deadline=None)
@given(st.integers(LEAST_CHUNK, MOST_CHUNK))
def test_a_plain_number_is_that_many_bytes(file: Path, size_bytes: int) -> None:
    for written in (str(size_bytes), f'"{size_bytes}"'):
        file.write_text(f"[upload]\nchunk = {written}\n", "utf-8")
        assert config.load(file, HOME).upload.chunk == size_bytes


# Which one wins, for any mixture of file and environment

CHOICES: dict[tuple[str, str], st.SearchStrategy[Any]] = {
    ("upload", "workers"): st.integers(1, 16),
    ("upload", "chunk"): st.integers(LEAST_CHUNK, MOST_CHUNK),
    ("google", "daily_requests"): st.integers(1, 100_000),
    ("google", "api_url"): st.sampled_from(["https://a.example", "http://127.0.0.1:8080"]),
    ("select", "mode"): st.sampled_from(["auto", "manual"]),
}
MIXTURE = st.fixed_dictionaries({}, optional=CHOICES)


@how(deadline=None)
@given(MIXTURE, MIXTURE, st.booleans())
def test_the_environment_beats_the_file_and_the_file_beats_the_default(
    file: Path,
    in_file: dict[tuple[str, str], Any],
    in_environment: dict[tuple[str, str], Any],
    whole_tables: bool,
) -> None:
    file.write_text(
        "\n".join(f"{table}.{key} = {toml(value)}" for (table, key), value in in_file.items()),
        "utf-8",
    )
    environ = variables(in_environment, whole_tables=whole_tables)
    settings, default = config.load(file, environ), config.load(None, HOME)
    origins = {one.key: one.origin for one in config.shown(settings, environ)}
    for place in CHOICES:
        table, key = place
        expected, origin = getattr(getattr(default, table), key), "default"
        if place in in_file:
            expected, origin = in_file[place], "file"
        if place in in_environment:
            name = keys.variable(table) if whole_tables else keys.variable(table, key)
            expected, origin = in_environment[place], f"environment {name}"
        assert getattr(getattr(settings, table), key) == expected
        assert origins[f"{table}.{key}"] == origin


def variables(values: dict[tuple[str, str], Any], *, whole_tables: bool) -> dict[str, str]:
    environ = dict(HOME)
    if not whole_tables:
        return environ | {keys.variable(*place): str(value) for place, value in values.items()}
    tables: dict[str, dict[str, Any]] = {}
    for (table, key), value in values.items():
        tables.setdefault(table, {})[key] = value
    return environ | {keys.variable(table): json.dumps(one) for table, one in tables.items()}
