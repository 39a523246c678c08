"""Puts photosync into systemd's hands, and takes it out again: the user's own, or the machine's."""

from __future__ import annotations

import grp
import os
import pwd
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from photosync.domain.media import readable
from photosync.errors import ServiceRefused, SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from photosync.config import Settings

Json = dict[str, Any]

MARK = "# Written by photosync service install; changes of your own: systemctl edit"
SYSTEM_UNITS = Path("/etc/systemd/system")
SYSTEM_SETTINGS = Path("/etc/photosync")
SYSTEM_STATE = Path("/var/lib/photosync")
SYSTEM_USER = "photosync"
PHONE_GROUP = "plugdev"
HOMES = (Path("/home"), Path("/root"))
COMMAND_SECONDS = 120.0
SPECIAL = str.maketrans({"\\": "\\\\", '"': '\\"', "%": "%%", "$": "$$"})


@dataclass(frozen=True, slots=True)
class Place:
    """Whose systemd, and which unit. ``instance``: the name of one of several accounts, or ""."""

    is_system: bool
    instance: str
    units: Path

    @property
    def unit(self) -> str:
        """What systemctl calls it."""
        return f"photosync@{self.instance}.service" if self.instance else "photosync.service"

    @property
    def file(self) -> Path:
        """The unit file; instances share one."""
        return self.units / ("photosync@.service" if self.instance else "photosync.service")

    @property
    def template(self) -> str:
        """The file that ships with photosync."""
        return self.file.name if self.is_system else f"user/{self.file.name}"

    @property
    def settings_file(self) -> Path:
        """Where the settings of a service of the machine are."""
        return SYSTEM_SETTINGS / f"{self.instance or 'config'}.toml"

    @property
    def state_dir(self) -> Path:
        """Where the state of a service of the machine is."""
        return SYSTEM_STATE / self.instance if self.instance else SYSTEM_STATE


def place(environ: Mapping[str, str], *, system: bool, instance: str = "") -> Place:
    """Where the unit belongs.

    Raises:
        SettingsError: The name of an instance cannot be one, or belongs to no system.
    """
    if instance and not (instance.isascii() and instance.replace("-", "").isalnum()):
        raise SettingsError(
            f"{readable(instance)} cannot be the name of an instance.",
            hint="Use letters, digits and hyphens.",
        )
    if system:
        return Place(is_system=True, instance=instance, units=SYSTEM_UNITS)
    if instance:
        raise SettingsError(
            "Instances are services of the machine.", hint=f"Add --system: --instance {instance}"
        )
    home = environ.get("XDG_CONFIG_HOME", "")
    above = Path(home) if home.startswith("/") else Path.home() / ".config"
    return Place(is_system=False, instance="", units=above / "systemd/user")


class Systemd:
    """systemctl and its kin, with their answers. Nothing passes a shell."""

    def __init__(self, where: Place) -> None:
        self._user = [] if where.is_system else ["--user"]

    def refuse_absence(self) -> None:
        """See to it that there is a systemd to talk to.

        Raises:
            ServiceRefused: There is none.
        """
        if shutil.which("systemctl") is None:
            raise ServiceRefused(
                "There is no systemd on this machine.",
                hint="Start photosync run by what starts services here, or by cron with --once.",
            )
        if self.ask("show", "--property=Version")[0] == 0:
            return
        if self._user:
            raise ServiceRefused(
                "There is no systemd of yours to talk to.",
                hint="Log in to this machine itself, or by ssh, rather than by su or sudo.",
            )
        raise ServiceRefused(
            "systemd does not run on this machine.",
            hint="In a container, let the container's manager start photosync run.",
        )

    def ask(self, *arguments: str) -> tuple[int, str]:
        """(exit code, what it said) of a systemctl that may fail."""
        return _run(["systemctl", *self._user, *arguments])

    def do(self, *arguments: str) -> None:
        """A systemctl that has to work.

        Raises:
            ServiceRefused: It does not.
        """
        code, said = self.ask(*arguments)
        if code:
            command = shlex.join(["systemctl", *self._user, *arguments])
            raise ServiceRefused(f"{command} failed: {readable(said)[:300]}")


def _run(command: list[str]) -> tuple[int, str]:
    program = shutil.which(command[0])
    if program is None:
        raise ServiceRefused(f"There is no {command[0]} on this machine.")
    try:
        done = subprocess.run(  # noqa: S603 - the system's own programs, and no shell
            [program, *command[1:]],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=COMMAND_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ServiceRefused(f"{command[0]} did not end well: {error}.") from error
    return done.returncode, (done.stdout if done.returncode == 0 else done.stderr).strip()


def install(where: Place, settings: Settings, named: Path | None) -> list[str]:
    """Put the unit in its place and start it; what was done, a line each. Safe to repeat.

    ``named``: the settings file that the user named.

    Raises:
        ServiceRefused, SettingsError: It cannot be done; says what first.
    """
    systemd = Systemd(where)
    systemd.refuse_absence()
    done: list[str] = []
    if where.is_system:
        _refuse_unready(where, settings)
        done += _make_user()
        done += _let_read(where.settings_file)
    text = unit_text(where, _command(where, named))
    changed = _write(where.file, text)
    done.append(f"{'Wrote' if changed else 'It is there already:'} {where.file}")
    systemd.do("daemon-reload")
    systemd.do("enable", where.unit)
    systemd.do("restart" if changed else "start", where.unit)
    done.append(f"{where.unit} is started, and starts by itself from now on.")
    if not where.is_system and not _lingers():
        done.append(
            "It ends when you log out. To have it run always: sudo loginctl enable-linger"
            f" {shlex.quote(_user_name())}"
        )
    done.append(f"Its log: {journal(where)}")
    return done


def uninstall(where: Place) -> list[str]:
    """Stop it, and take the unit away again; what was done, a line each. Safe to repeat.

    Raises:
        ServiceRefused: It cannot be done, or somebody else wrote the unit.
    """
    if not os.path.lexists(where.file):
        return [f"There is nothing to uninstall: no {where.file}."]
    _refuse_foreign(where.file)
    _refuse_user(where)
    systemd = Systemd(where)
    systemd.refuse_absence()
    systemd.do("disable", "--now", where.unit)
    done = [f"{where.unit} is stopped, and does not start by itself any more."]
    others = sorted(where.units.glob("*.wants/photosync@*.service")) if where.instance else []
    if others:
        done.append(f"{where.file} stays: {others[0].name} needs it.")
    else:
        where.file.unlink()
        done.append(f"Removed {where.file}")
    systemd.do("daemon-reload")
    state = where.state_dir if where.is_system else "its state folder"
    done.append(f"Photos, settings and {state} stay as they are.")
    return done


def look(where: Place) -> Json:
    """Whether it is installed, starts by itself, and runs: for ``service status`` and doctor.

    Raises:
        ServiceRefused: There is no systemd to ask.
    """
    systemd = Systemd(where)
    systemd.refuse_absence()
    _, enabled = systemd.ask("is-enabled", where.unit)
    _, told = systemd.ask(
        "show", where.unit, "--property=ActiveState,ActiveEnterTimestamp,StatusText"
    )
    values = dict(line.partition("=")[::2] for line in told.splitlines())
    return {
        "unit": where.unit,
        "file": str(where.file),
        "installed": where.file.is_file(),
        "enabled": enabled == "enabled",
        "active": values.get("ActiveState", "unknown"),
        "since": values.get("ActiveEnterTimestamp", ""),
        "status": readable(values.get("StatusText", "")),
        "log": journal(where),
    }


def journal(where: Place) -> str:
    """The command that shows its log."""
    return f"journalctl {'--unit' if where.is_system else '--user-unit'} {where.unit}"


def unit_text(where: Place, command: list[str]) -> str:
    """The unit with ``command``, quoted, to start, and without a group that is not there."""
    lines = []
    for line in shipped(where.template).splitlines():
        if line.startswith("ExecStart="):
            lines.append("ExecStart=" + " ".join(command))
        elif line == f"SupplementaryGroups={PHONE_GROUP}" and not _has_group(PHONE_GROUP):
            continue
        else:
            lines.append(line)
    return "\n".join([MARK, *lines]) + "\n"


def quoted(word: str) -> str:
    """One word of a command line as systemd reads it (systemd.service(5), systemd.syntax(7))."""
    return f'"{word.translate(SPECIAL)}"'


def shipped(name: str) -> str:
    """The text of a unit file that comes with photosync."""
    packaged = resources.files("photosync").joinpath("systemd", name)
    if packaged.is_file():
        return packaged.read_text("utf-8")
    return (Path(__file__).parents[2] / "systemd" / name).read_text("utf-8")


def _command(where: Place, named: Path | None) -> list[str]:
    command = [quoted(sys.executable), "-m", "photosync", "run"]
    if where.is_system:
        name = "%i" if where.instance else "config"
        return [*command, "--config", f"{SYSTEM_SETTINGS}/{name}.toml"]
    return [*command, "--config", quoted(str(named.absolute()))] if named else command


def _refuse_unready(where: Place, settings: Settings) -> None:
    _refuse_user(where)
    program = Path(sys.executable)
    if any(home in program.parents for home in HOMES):
        raise ServiceRefused(
            f"photosync is installed in {program.parent.parent}, where only you may look.",
            hint="Install it for everybody, in /opt/photosync, say, and use that one.",
        )
    if settings.file != where.settings_file:
        raise ServiceRefused(
            f"A service of the machine reads {where.settings_file}.",
            hint=f"Write it: sudo photosync config init --config {where.settings_file}, and add"
            f" --config {where.settings_file}",
        )
    if settings.state_dir != where.state_dir:
        raise SettingsError(
            f"The state of a service of the machine lies in {where.state_dir}.",
            hint=f'Put it into {where.settings_file}:  state_dir = "{where.state_dir}"',
        )


def _refuse_user(where: Place) -> None:
    if where.is_system and os.geteuid() != 0:
        again = shlex.join(["sudo", sys.executable, "-m", "photosync", *sys.argv[1:]])
        raise ServiceRefused(
            "A service of the machine is root's to install.", hint=f"Once more with: {again}"
        )


def _refuse_foreign(file: Path) -> None:
    if not file.is_file() or not file.read_text("utf-8", "replace").startswith(MARK):
        raise ServiceRefused(
            f"{file} was not written by photosync.", hint="Move it away; then try again."
        )


def _write(file: Path, text: str) -> bool:
    """Whether that changed anything."""
    try:
        if os.path.lexists(file):
            _refuse_foreign(file)
            if file.read_text("utf-8") == text:
                return False
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = file.with_name(f".{file.name}.new")
        fresh.write_text(text, "utf-8")
        fresh.chmod(0o644)
        fresh.replace(file)
    except OSError as error:
        raise ServiceRefused(f"{file} cannot be written: {error.strerror}.") from error
    return True


def _make_user() -> list[str]:
    try:
        pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        code, said = _run(
            [
                *("useradd", "--system", "--user-group", "--shell", "/usr/sbin/nologin"),
                *("--home-dir", str(SYSTEM_STATE), SYSTEM_USER),
            ]
        )
        if code:
            raise ServiceRefused(f"useradd failed: {readable(said)[:300]}") from None
        return [f"Made the user {SYSTEM_USER}."]
    return []


def _let_read(file: Path) -> list[str]:
    """The service has to read its settings, and nobody else."""
    group = grp.getgrnam(SYSTEM_USER).gr_gid
    try:
        for path, mode in ((file.parent, 0o750), (file, 0o640)):
            os.chown(path, 0, group)
            path.chmod(mode)
    except OSError as error:
        raise ServiceRefused(f"{file} cannot be given to it: {error.strerror}.") from error
    return [f"The user {SYSTEM_USER} may read {file}."]


def _has_group(name: str) -> bool:
    try:
        grp.getgrnam(name)
    except KeyError:
        return False
    return True


def _user_name() -> str:
    return pwd.getpwuid(os.getuid()).pw_name


def _lingers() -> bool:
    code, said = _run(["loginctl", "show-user", _user_name(), "--property=Linger", "--value"])
    return code == 0 and said == "yes"
