"""Which file system a path lies on, and whether others can write to it without our kernel."""

from __future__ import annotations

import re
from pathlib import Path

_REMOTE_TYPES = """
    9p afs ceph cifs coda davfs fuse.davfs2 fuse.gvfsd-fuse fuse.glusterfs fuse.rclone fuse.sshfs
    fuse.vmhgfs-fuse glusterfs ncpfs nfs nfs4 smb3 smbfs vboxsf vmhgfs
"""
REMOTE = frozenset(_REMOTE_TYPES.split())
"""File systems where others change files without our kernel noticing (inotify(7))."""

OCTAL = re.compile(r"\\([0-7]{3})")
MOUNTS = Path("/proc/self/mountinfo")


def filesystem_of(path: Path, mounts: str) -> str:
    """The type of the file system that holds ``path``, out of the text of a mountinfo file."""
    best, kind = "", ""
    for line in mounts.split("\n"):  # any other white space may stand in a name as it is
        fields, _, rest = line.partition(" - ")
        words = fields.split(" ")
        if len(words) < 5 or not rest:  # noqa: PLR2004 - proc(5): the fifth is the mount point
            continue
        point = OCTAL.sub(lambda found: chr(int(found[1], 8)), words[4])  # a space stands as \040
        inside = str(path) == point or str(path).startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, rest.split()[0]
    return kind


def network_disk(path: Path) -> str:
    """The type of the network file system that holds ``path``; "" if it is none."""
    kind = filesystem_of(path.resolve(), MOUNTS.read_text("utf-8", "surrogateescape"))
    return kind if kind in REMOTE else ""
