"""The project's own files: what is pinned, what make offers, and what must never be written."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from photosync import __version__
from photosync.cli.main import app

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
FOLDERS = ("photosync", "docs", "tests", "config", "systemd", ".ci", ".github")
TARGETS = ("help", "demo", "test", "bench", "lint", "clean")
PINNED = re.compile(r"([A-Za-z0-9._-]+)==([A-Za-z0-9.!+-]+)")

REGISTRIES = re.compile(
    r"(?i)--(extra-)?index-url|\bindex-url\b|\bfind-links\b|://\S+/simple\b|pythonhosted\.org"
    r"|pypi\.org/(?!project/)|\bfile://"
)
MACHINE = re.compile(
    r"(?<![\w.])/(work|root|workspace|mnt/data)/|/opt/pypi|/tmp/[a-z]+\.(py|log)\b"
)


def project_table() -> dict[str, Any]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        table: dict[str, Any] = tomllib.load(file)["project"]
    return table


def declared() -> list[Requirement]:
    table = project_table()
    extras = [one for extra in table["optional-dependencies"].values() for one in extra]
    return [Requirement(one) for one in (*table["dependencies"], *extras)]


def constraint_lines() -> list[str]:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    return [line for line in lines if not line.startswith("#")]


def pinned() -> dict[str, Version]:
    found: dict[str, Version] = {}
    for line in constraint_lines():
        match = PINNED.fullmatch(line)
        assert match is not None, f"not name==version: {line}"
        found[canonicalize_name(match[1])] = Version(match[2])
    return found


def project_texts() -> Iterator[tuple[Path, str]]:
    """Every text of the project, but not this file, which names what it looks for."""
    files = [
        one for one in ROOT.iterdir() if one.is_file() and not one.name.startswith(".coverage")
    ]
    for folder in FOLDERS:
        files += [one for one in (ROOT / folder).rglob("*") if one.is_file()]
    for file in files:
        if "__pycache__" in file.parts or file == Path(__file__):
            continue
        content = file.read_bytes()
        if b"\0" not in content:
            yield file.relative_to(ROOT), content.decode("utf-8")


# Dependencies


def test_every_declared_dependency_is_pinned_within_its_bounds() -> None:
    pins = pinned()
    for requirement in declared():
        name = canonicalize_name(requirement.name)
        assert name in pins, f"constraints.txt does not pin {name}"
        assert pins[name] in requirement.specifier, f"{name} {pins[name]} is out of bounds"


def test_what_the_dependencies_need_is_pinned_too() -> None:
    pins, seen, open_ends = pinned(), set[str](), declared()
    while open_ends:
        requirement = open_ends.pop()
        name = canonicalize_name(requirement.name)
        wanted = any(
            requirement.marker is None or requirement.marker.evaluate({"extra": extra})
            for extra in (requirement.extras or {""})
        )
        if name in seen or not wanted:
            continue
        seen.add(name)
        assert name in pins, f"constraints.txt does not pin {name}"
        open_ends += map(Requirement, metadata.requires(name) or ())
    assert len(seen) > len(declared())


def test_constraints_are_sorted_and_do_not_name_the_project() -> None:
    names = [line.split("==")[0].lower() for line in constraint_lines()]
    assert len(names) == len(set(names))
    assert canonicalize_name(project_table()["name"]) not in pinned()
    by_name = sorted(names)
    by_line = [line.split("==")[0].lower() for line in sorted(constraint_lines(), key=str.lower)]
    assert names in (by_name, by_line)


# Leftovers


def test_no_file_records_where_packages_were_fetched() -> None:
    found = [
        (str(file), match[0])
        for file, text in project_texts()
        for match in REGISTRIES.finditer(text)
    ]
    assert found == []


def test_no_file_mentions_a_path_of_one_machine() -> None:
    found = [
        (str(file), match[0]) for file, text in project_texts() for match in MACHINE.finditer(text)
    ]
    assert found == []


def test_the_search_for_leftovers_sees_the_project_and_would_find_them() -> None:
    files = {str(file) for file, _ in project_texts()}
    assert {"Makefile", "pyproject.toml", ".ci/run", "photosync/errors.py"} <= files
    assert REGISTRIES.search("pip install --index-url https://mirror.example/simple") is not None
    assert REGISTRIES.search("see https://pypi.org/project/photosync/") is None
    assert MACHINE.search("cd /" + "work/main") is not None
    assert MACHINE.search("photosync/work/of/art.jpg") is None


# make


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    command = ["make", "--no-print-directory", "-C", str(ROOT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_make_alone_tells_every_target() -> None:
    told = make().stdout
    for target in TARGETS:
        assert re.search(rf"^ *(make )?{target} +\w", told, re.MULTILINE), target


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_can_be_planned(target: str, tmp_path: Path) -> None:
    planned = make("-n", target, f"VENV={tmp_path}/venv")
    assert planned.returncode == 0, planned.stderr


def test_the_coverage_that_is_asked_for_can_be_raised() -> None:
    assert "--cov-fail-under=95" in make("-n", "test").stdout
    assert "--cov-fail-under=97" in make("-n", "test", "COVERAGE=97").stdout


def test_the_demo_does_not_wait_for_what_only_the_checks_need(tmp_path: Path) -> None:
    fresh = f"VENV={tmp_path}/venv"
    assert ".[dev," not in make("-n", "demo", fresh).stdout
    assert ".[dev," in make("-n", "test", fresh).stdout
    assert ".[dev," in make("-n", "bench", fresh).stdout


@pytest.mark.parametrize("stamp", [".ready", ".tools"])
def test_nothing_is_installed_twice_until_what_is_to_be_installed_changes(
    stamp: str, tmp_path: Path
) -> None:
    for done in (".ready", ".tools"):
        (tmp_path / done).touch()
    assert "pip install" not in make("-n", "test", f"VENV={tmp_path}").stdout
    os.utime(tmp_path / stamp, (0, 0))
    assert "pip install" in make("-n", "test", f"VENV={tmp_path}").stdout


def fake_python(folder: Path, script: str) -> Path:
    file = folder / "python"
    file.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    file.chmod(0o755)
    return file


def test_an_old_python_is_named_before_anything_is_made(tmp_path: Path) -> None:
    old = fake_python(tmp_path, '[ "$1" = --version ] && echo Python 3.9.2 && exit 0; exit 1')
    ended = make("demo", f"PYTHON={old}", f"VENV={tmp_path}/venv")
    assert ended.returncode != 0
    assert "3.11" in ended.stderr
    assert "Python 3.9.2" in ended.stderr
    assert not (tmp_path / "venv").exists()


def test_a_python_without_venv_is_told_with_its_cure(tmp_path: Path) -> None:
    bare = fake_python(tmp_path, 'case "$*" in *ensurepip*) exit 1 ;; esac')
    ended = make("demo", f"PYTHON={bare}", f"VENV={tmp_path}/venv")
    assert ended.returncode != 0
    assert "apt install python3-venv" in ended.stderr
    assert not (tmp_path / "venv").exists()


# Continuous integration and hooks


def test_the_ci_script_may_run_and_lets_nothing_be_skipped() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111 == 0o111
    subprocess.run(["bash", "-n", str(script)], check=True)
    text = script.read_text("utf-8")
    assert "set -euo pipefail" in text
    assert "PHOTOSYNC_REQUIRE_ALL=1 make test" in text


FAKES = {
    "dpkg-query": 'case " $LACKING " in *" $4 "*) exit 1 ;; esac; echo install ok installed',
    "apt-cache": """case " $UNKNOWN " in *" $2 "*) echo "  Candidate: (none)"; exit ;; esac
        echo "  Candidate: 1.0"; seq 100000""",  # a reader that hangs up early would break it
    "apt-get": """echo "apt-get $* $DEBIAN_FRONTEND" >>"$LOG"
        if [ "$1$FALTERS" = install1 ] && mkdir "$LOG.faltered" 2>/dev/null; then exit 100; fi""",
    "sudo": 'exec "$@"',
    "sleep": "true",
    "make": 'echo "make $* $PHOTOSYNC_REQUIRE_ALL" >>"$LOG"',
}


def ci(folder: Path, **environ: str) -> list[str]:
    """What .ci/run starts on a machine whose packages are as ``environ`` says."""
    for name, script in FAKES.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n", "utf-8")
        (folder / name).chmod(0o755)
    log = folder / "log"
    every = {"LACKING": "", "UNKNOWN": "", "FALTERS": "", **environ, "LOG": str(log)}
    every["PATH"] = f"{folder}:{os.environ['PATH']}"
    subprocess.run([ROOT / ".ci" / "run"], env=every, check=True, capture_output=True)
    return log.read_text("utf-8").splitlines()


def test_ci_installs_nothing_where_all_is_there(tmp_path: Path) -> None:
    assert ci(tmp_path) == ["make test 1"]


def test_ci_installs_what_is_missing_and_only_that(tmp_path: Path) -> None:
    update, install, test = ci(tmp_path, LACKING="iproute2 util-linux")
    assert update.startswith("apt-get update")
    assert install.endswith(" -y --no-install-recommends iproute2 util-linux noninteractive")
    assert test == "make test 1"


def test_ci_leaves_out_what_the_distribution_does_not_have(tmp_path: Path) -> None:
    started = ci(tmp_path, LACKING="iproute2 util-linux", UNKNOWN="util-linux")
    assert [one.split()[-2] for one in started if "install" in one] == ["iproute2"]


def test_ci_goes_on_where_the_distribution_has_nothing_that_is_missing(tmp_path: Path) -> None:
    started = ci(tmp_path, LACKING="iproute2", UNKNOWN="iproute2")
    assert [one.split()[1] for one in started] == ["update", "test"]


def test_ci_tries_again_when_a_mirror_falters(tmp_path: Path) -> None:
    started = [one.split()[1] for one in ci(tmp_path, LACKING="iproute2", FALTERS="1")]
    assert started == ["update", "install", "update", "install", "test"]


def test_the_hooks_are_a_valid_pre_commit_configuration() -> None:
    file = ROOT / ".pre-commit-config.yaml"
    command = [sys.executable, "-m", "pre_commit", "validate-config", str(file)]
    subprocess.run(command, check=True, capture_output=True)


# Words for people


def verbs() -> list[str]:
    single = [one.name for one in app.registered_commands if one.name]
    return single + [one.name for one in app.registered_groups if isinstance(one.name, str)]


def test_the_changelog_tells_every_verb() -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert [verb for verb in verbs() if f"`photosync {verb}" not in text] == []


def test_the_changelog_knows_what_is_unreleased_or_this_version() -> None:
    headings = re.findall(
        r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE
    )
    assert headings[0] in ("Unreleased", __version__)


def test_contributors_are_told_every_target_they_need() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    for target in ("demo", "test", "bench"):
        assert f"make {target}" in text
