"""systemd is the system's, and none runs here: a stand-in writes down what it is asked."""

from __future__ import annotations

import grp
import os
import pwd
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from photosync import config
from photosync.app import service
from photosync.app.service import Place
from photosync.errors import ServiceRefused, SettingsError
from tests.lab import lab

if TYPE_CHECKING:
    from photosync.config import Settings

UNITS = Path(__file__).parents[2] / "systemd"
NAMES = ("photosync.service", "photosync@.service", "user/photosync.service")

FAKE = """#!/bin/sh
printf '%s\\n' "$0 $*" >> {log}
case "$*" in
    *"show --property=Version"*) exit {absent} ;;
    *is-enabled*) echo enabled ;;
    *"show photosync"*) printf 'ActiveState=active\\nStatusText=idle\\n' ;;
    *Linger*) echo {linger} ;;
esac
"""


class Machine:
    """A machine with a systemctl that says yes, and its folders."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self._log = folder / "asked"
        self._programs = folder / "bin"
        self._programs.mkdir()
        monkeypatch.setenv("PATH", f"{self._programs}:/usr/bin:/bin")
        self.answer()
        self.mine = service.place({"XDG_CONFIG_HOME": str(folder)}, system=False)
        self.file = folder / "config.toml"
        self.file.write_text(f'state_dir = "{folder}/state"\n')

    def answer(self, *, absent: int = 0, linger: str = "yes") -> None:
        text = FAKE.format(log=shlex.quote(str(self._log)), absent=absent, linger=linger)
        for name in ("systemctl", "loginctl", "useradd"):
            program = self._programs / name
            program.write_text(text)
            program.chmod(0o755)

    def asked(self) -> list[str]:
        """What the programs were asked since last time."""
        said = self._log.read_text().splitlines() if self._log.exists() else []
        self._log.unlink(missing_ok=True)
        return [one.removeprefix(f"{self._programs}/") for one in said]

    @property
    def settings(self) -> Settings:
        return config.load(self.file, {"HOME": str(self.folder)})


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


def test_ones_own_service_is_put_in_place_and_taken_away(machine: Machine) -> None:
    where = machine.mine
    first = service.install(where, machine.settings, machine.file)
    assert machine.asked() == [
        "systemctl --user show --property=Version",
        "systemctl --user daemon-reload",
        "systemctl --user enable photosync.service",
        "systemctl --user restart photosync.service",
        f"loginctl show-user {pwd.getpwuid(os.getuid()).pw_name} --property=Linger --value",
    ]
    text = where.file.read_text()
    command = f'ExecStart="{sys.executable}" -m photosync run --config "{machine.file}"\n'
    assert command in text
    assert str(where.file) in first[0]
    assert first[-1] == "Its log: journalctl --user-unit photosync.service"

    service.install(where, machine.settings, machine.file)
    assert "systemctl --user start photosync.service" in machine.asked(), "nothing had changed"
    assert where.file.read_text() == text
    found = service.look(where)
    assert (found["installed"], found["enabled"], found["active"]) == (True, True, "active")

    machine.asked()
    service.uninstall(where)
    assert "systemctl --user disable --now photosync.service" in machine.asked()
    assert not where.file.exists()
    assert "nothing to uninstall" in service.uninstall(where)[0]
    assert machine.asked() == []


def test_who_is_logged_out_is_told_what_to_do(machine: Machine) -> None:
    machine.answer(linger="no")
    said = service.install(machine.mine, machine.settings, None)
    assert any("sudo loginctl enable-linger" in one for one in said)


def test_a_unit_of_somebody_else_is_left_alone(machine: Machine) -> None:
    machine.mine.file.parent.mkdir(parents=True)
    machine.mine.file.write_text("[Service]\nExecStart=/my/own\n")
    with pytest.raises(ServiceRefused, match="was not written by photosync"):
        service.install(machine.mine, machine.settings, None)
    with pytest.raises(ServiceRefused, match="was not written by photosync"):
        service.uninstall(machine.mine)
    assert machine.mine.file.read_text() == "[Service]\nExecStart=/my/own\n"


def test_without_systemd(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.answer(absent=1)
    with pytest.raises(ServiceRefused, match="no systemd of yours") as caught:
        service.install(machine.mine, machine.settings, None)
    assert "ssh" in caught.value.hint
    system = service.place({}, system=True)
    with pytest.raises(ServiceRefused, match="does not run on this machine"):
        service.look(system)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ServiceRefused, match="There is no systemd on this machine"):
        service.look(machine.mine)


def test_a_systemctl_that_fails_is_quoted(machine: Machine) -> None:
    program = machine.folder / "bin/systemctl"
    program.write_text(
        '#!/bin/sh\ncase "$*" in *daemon-reload*) echo "No \x1b[31mway" >&2; exit 1;; esac\n'
    )
    with pytest.raises(
        ServiceRefused, match=r"systemctl --user daemon-reload failed: No .*way"
    ) as caught:
        service.install(machine.mine, machine.settings, None)
    assert "\x1b" not in caught.value.message


@pytest.mark.parametrize("name", ["a b", "../x", "a/b", "%i", "ä"])
def test_odd_names_of_instances(name: str) -> None:
    with pytest.raises(SettingsError, match="cannot be the name"):
        service.place({}, system=True, instance=name)


def test_instances_belong_to_the_machine() -> None:
    with pytest.raises(SettingsError, match="services of the machine"):
        service.place({}, system=False, instance="anna")


@pytest.fixture(params=["", "anna"])
def shared(
    request: pytest.FixtureRequest, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> Place:
    """A place for a service of the machine, in a folder, for root."""
    for name in ("units", "settings", "state"):
        monkeypatch.setattr(service, f"SYSTEM_{name.upper()}", machine.folder / name)
        (machine.folder / name).mkdir(exist_ok=True)
    monkeypatch.setattr(service, "HOMES", (Path("/nowhere"),))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    where = service.place({}, system=True, instance=request.param)
    where.settings_file.write_text(f'state_dir = "{where.state_dir}"\n')
    return where


def of(where: Place) -> Settings:
    return config.load(where.settings_file, {"HOME": "/"})


def test_what_a_service_of_the_machine_needs_first(
    shared: Place, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ServiceRefused, match=r"reads .*settings/") as caught:
        service.install(shared, machine.settings, None)
    assert "config init" in caught.value.hint
    settings = of(shared)
    shared.settings_file.write_text('state_dir = "/elsewhere"\n')
    with pytest.raises(SettingsError, match="The state of a service"):
        service.install(shared, of(shared), None)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ServiceRefused, match="root's to install") as refused:
        service.install(shared, settings, None)
    assert refused.value.hint.startswith("Once more with: sudo ")
    assert not any("useradd" in one for one in machine.asked())


def test_a_service_of_the_machine(
    shared: Place, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    owned: list[tuple[str, int]] = []
    users: dict[str, object] = {}

    def getgrnam(name: str) -> object:
        if name == service.PHONE_GROUP:
            raise KeyError(name)
        return SimpleNamespace(gr_gid=4242)

    monkeypatch.setattr(pwd, "getpwnam", lambda name: users[name])
    monkeypatch.setattr(grp, "getgrnam", getgrnam)
    monkeypatch.setattr(os, "chown", lambda path, _uid, gid: owned.append((str(path), gid)))
    said = service.install(shared, of(shared), None)
    users[service.SYSTEM_USER] = None
    assert "Made the user photosync." in said
    asked = machine.asked()
    assert any(one.startswith("useradd --system") for one in asked)
    assert f"systemctl restart {shared.unit}" in asked
    assert owned == [(str(shared.settings_file.parent), 4242), (str(shared.settings_file), 4242)]
    assert shared.settings_file.stat().st_mode & 0o777 == 0o640
    text = shared.file.read_text()
    assert "SupplementaryGroups=" not in text, "there is no such group here"
    name = "%i" if shared.instance else "config"
    assert f"-m photosync run --config {machine.folder}/settings/{name}.toml\n" in text

    assert "Made the user photosync." not in service.install(shared, of(shared), None)
    if shared.instance:
        wants = shared.units / "multi-user.target.wants"
        wants.mkdir()
        (wants / "photosync@bert.service").symlink_to(shared.file)
        assert "photosync@bert.service needs it" in " ".join(service.uninstall(shared))
        shutil.rmtree(wants)
    service.uninstall(shared)
    assert not shared.file.exists()


def test_a_program_in_somebodys_home_serves_nobody_else(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(service, "HOMES", (Path(sys.executable).parents[1],))
    with pytest.raises(ServiceRefused, match="where only you may look"):
        service.install(service.place({}, system=True), machine.settings, None)


@pytest.mark.parametrize(
    ("word", "text"),
    [("/a b", '"/a b"'), ('q"x\\', '"q\\"x\\\\"'), ("50%", '"50%%"'), ("$HOME", '"$$HOME"')],
)
def test_words_of_a_command_line(word: str, text: str) -> None:
    assert service.quoted(word) == text


@pytest.mark.parametrize("name", NAMES)
def test_systemd_understands_the_units(name: str, tmp_path: Path) -> None:
    """As ``service install`` writes them, with a command that is there."""
    lab.want(None if shutil.which("systemd-analyze") else "needs systemd: sudo apt install systemd")
    where = Place(
        is_system=not name.startswith("user/"),
        instance="anna" if "@" in name else "",
        units=tmp_path,
    )
    unit = tmp_path / where.file.name
    unit.write_text(service.unit_text(where, [service.quoted("/bin/true")]))
    done = subprocess.run(
        ["systemd-analyze", "verify", *["--user"] * (not where.is_system), str(unit)],
        capture_output=True,
        text=True,
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
        check=False,
    )
    complaints = [one for one in done.stderr.splitlines() if unit.name.split("@")[0] in one]
    assert (done.returncode, complaints) == (0, []), done.stderr


@pytest.mark.parametrize(("name", "most"), [*zip(NAMES, (2.0, 2.0, 7.5), strict=True)])
def test_the_units_leave_little_open(name: str, most: float, tmp_path: Path) -> None:
    """A user's systemd cannot do most of it: see the comment in that unit."""
    lab.want(None if shutil.which("systemd-analyze") else "needs systemd: sudo apt install systemd")
    shutil.copy(UNITS / name, tmp_path)
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", str(tmp_path / Path(name).name)],
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert found is not None, done.stderr
    assert float(found[1]) <= most


def test_a_service_that_is_shut_in_may_step_back_and_no_more(tmp_path: Path) -> None:
    """Thumbnails are drawn at the lowest priority; the README tells what that leaves open."""
    lab.want(None if shutil.which("systemd-analyze") else "needs systemd: sudo apt install systemd")
    shutil.copy(UNITS / "photosync.service", tmp_path)
    told = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", str(tmp_path / "photosync.service")],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    assert "(e.g. setpriority is allowed)" in told
    allowed = re.findall(r"^SystemCallFilter=(?!~)(.*)$", _unit("photosync.service"), re.MULTILINE)
    assert allowed == ["@system-service", "setpriority"]
    assert _unit("photosync@.service").count("SystemCallFilter=setpriority") == 1
    claimed = re.search(
        r"security photosync`: ([0-9.]+)", (UNITS.parent / "README.md").read_text("utf-8")
    )
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", told)
    assert claimed is not None
    assert found is not None
    assert abs(float(claimed[1]) - float(found[1])) < 0.15


def _unit(name: str) -> str:
    return (UNITS / name).read_text("utf-8")


def test_the_units_come_with_the_wheel() -> None:
    for name in NAMES:
        assert service.shipped(name) == (UNITS / name).read_text()
    told = (UNITS.parent / "pyproject.toml").read_text()
    assert '"systemd" = "photosync/systemd"' in told
