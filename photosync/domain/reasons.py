"""Why something is not taken: the rule that decided, in words for people."""

from __future__ import annotations

from dataclasses import dataclass

from photosync.domain.media import readable


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a file is left out.

    ``message``: one plain sentence. ``rule``: the setting or rule that decided, "" for none.
    ``cure``: what would change it, "" if nothing would.
    """

    code: str
    message: str
    rule: str = ""
    cure: str = ""


def no_media(folder: str) -> Reason:
    """That a folder says itself that it holds nothing to show."""
    return Reason(
        "no_media_folder",
        f"The folder {readable(folder)} holds a .nomedia file.",
        "folders with a .nomedia file are left out, unless the settings name them",
        "Remove that file, or name the very folder: [[folder]] here, phone.folders on a phone.",
    )


def symlink(path: str) -> Reason:
    """That something only leads elsewhere."""
    return Reason(
        "symlink",
        f"{readable(path)} is no regular file or folder but a symlink.",
        "symlinks are never followed",
        "Name what it leads to under [[folder]], or put the thing itself there.",
    )


def unreadable(folder: str, why: str) -> Reason:
    """That a folder cannot be looked into."""
    return Reason(
        "folder_unreadable",
        f"The folder {readable(folder)} cannot be read: {why}.",
        cure="Let the user that runs photosync read it.",
    )
