"""No border is forgotten at which the process might die."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.crash.listing import borders
from tests.crash.zygote import DIED

if TYPE_CHECKING:
    from tests.crash.staging import Border, Program, Stage

pytestmark = [pytest.mark.journey, pytest.mark.timeout(1500)]

IN_TROUBLE = "one transaction, and only in trouble: written or not, the next try finds its way"
THUMBNAILS = "the cache of thumbnails: what is lost or torn is made again (test_thumbnail_cache)"
CLICK = "one transaction a click on the web page: made or not, as the page says then"
BACK = "photosync restore, by hand: it dies everywhere in test_by_hand.py"
FREE = "photosync free-space, by hand: it dies everywhere in test_by_hand.py"
RESEAL = "photosync backup --reseal, by hand: it dies everywhere in test_resealing.py"
ASKED = "a request of the web page: one transaction each; what it orders dies as BACK says"
SERVICE = "photosync service: a unit of systemd's, not of the queue"
NOT_ON_THE_WAY = {
    "app/picturing.py:_write": "photosync report --html: a page of the user's, whole or not at all",
    "store/assumed.py:AssumedFiles.take": "photosync import: some files at a time, each known then",
    "store/sightings.py:Sightings._note": "a fact for reports alone; the next whole look notes it",
    "app/noticing.py:_tell_without_database": "the program has ended already",
    "app/service.py:_let_read": SERVICE,
    "app/service.py:_write": SERVICE,
    "app/service.py:uninstall": SERVICE,
    "backup/keys.py:new_identity": "photosync backup --new-key: a file of the user's",
    "backup/keys.py:write_new": "once, with a passphrase: what it leaves is begun anew",
    "backup/local.py:LocalPlace.take_back": RESEAL,
    "backup/local.py:_is_removed": RESEAL,
    "backup/remote.py:RemotePlace.take_back": "a folder on a server that is empty",
    "config/files.py:_write_new": "photosync config init: a file of the user's, not of the queue",
    "config/files.py:init": "the same",
    **{
        f"files/thumbnail_cache.py:ThumbnailCache.{one}": THUMBNAILS
        for one in ("_all", "_ease", "_make", "_read", "_write")
    },
    "files/mirroring.py:MirrorDisk.drop_abandoned": "what other photosyncs left a month ago",
    "files/parts.py:Part.__init__": "after a death between a copy's two names, which is tried",
    "google/library.py:PhotosLibrary._album_size": "a look at an album that may be full; no more",
    "files/placing.py:FolderTarget._made": BACK,
    "files/placing.py:FolderTarget._put": BACK,
    "files/placing.py:FolderTarget.prepare": BACK,
    "files/placing.py:FolderTarget.sweep": BACK,
    "files/placing.py:_named": BACK,
    "files/placing.py:_sync": BACK,
    "files/placing.py:_write": BACK,
    "google/sign_in.py:revoke": "photosync auth --revoke: nothing but the token goes",
    "files/dating.py:DatedCopies.sweep": "after a death in the midst of a copy, which is tried",
    "store/albums.py:Albums.fill": IN_TROUBLE,
    "store/albums.py:Albums.forget": IN_TROUBLE,
    "store/albums.py:Albums.measure": IN_TROUBLE,
    "store/dated.py:DatedRecords.forget": "one transaction; written or not, it is sent as it is",
    "store/backups.py:Backups.adopt": "once, when the state was lost: what it left is taken again",
    "store/backups.py:Backups.lose": IN_TROUBLE,
    "store/backups.py:Backups.put_aside": IN_TROUBLE,
    "store/backups.py:Backups.unwant": "at a start without a target: the next start does it again",
    "store/resealing.py:Reseals.exchange": RESEAL,
    "store/resealing.py:Reseals.promise": RESEAL,
    "store/resealing.py:Reseals.unlist": RESEAL,
    "store/resealing.py:Reseals.went": RESEAL,
    "store/control.py:Control.open_library_gate": IN_TROUBLE,
    "files/freed_log.py:FreedLog.add": FREE,
    "store/freeing.py:Freed.recall": "one transaction a line: the next start goes over all anew",
    "store/freeing.py:Freed.begin": FREE,
    "store/freeing.py:Freed.gone": FREE,
    "store/freeing.py:Freed.kept": FREE,
    "store/intake.py:Intake.revive": IN_TROUBLE,
    "store/media.py:MediaItems.release_of": IN_TROUBLE,
    "store/source_choices.py:SourceChoices.set_left": CLICK,
    "store/source_choices.py:SourceChoices.set_mode": CLICK,
    "store/restores.py:Restores.ask": BACK,
    "store/restores.py:Restores.ask_again": BACK,
    "store/restores.py:Restores.fail": BACK,
    "store/restores.py:Restores.forget": BACK,
    "store/restores.py:Restores.put": BACK,
    "store/restores.py:Restores.want_again": BACK,
    **{
        f"store/restore_requests.py:RestoreRequests.{one}": ASKED
        for one in ("ask", "drop", "drop_orders", "end", "hurry", "put_off", "seen")
    },
    "store/second_chances.py:SecondChances.give": "one transaction: given, or at the next look",
    "store/spending.py:Spending.quota_spent": IN_TROUBLE,
    "store/spending.py:Spending.refund": IN_TROUBLE,
    "web/door.py:write_password": "photosync web --password: a file of the user's, whole or not",
    "store/verified.py:Verified.send_again": "one transaction an item: verb by verb, not by itself",
}
"""Places that change something, but nothing that a photo depends on."""


def _seen(stage: Stage, program: Program, orders: list[tuple[Border | None, str]]) -> set[str]:
    """The functions that are on the way to a border, in verbs and deaths in one world."""
    found = set()
    with stage.world() as world:
        for die, verb in orders:
            code, told = program.run(world, *verb.split(), die=die)
            assert code == DIED if die else code in (0, 1), (verb, code)
            for some in told["seen"].values() if told else ():
                found.update(some)
    return found


def test_no_border_is_forgotten(
    folder_stage: Stage, phone_stage: Stage, dated_stage: Stage, program: Program
) -> None:
    """What commits, sends or changes files is on one of those ways, or is said not to be."""
    album_made = ("request", "google/library.py:PhotosLibrary._write", "after", 1)
    half_a_film = ("copy", "files/parts.py:Part._put", "after", 20)
    half_a_backup = ("copy", "backup/local.py:LocalPart._put", "after", 1)
    marked = ("file", "backup/local.py:LocalPlace.put", "after", 4)  # and not on record
    verbs: list[tuple[Border | None, str]] = [
        (None, verb) for verb in ("run --once", "pause", "resume", "skip 1", "run --once", "verify")
    ]
    seen = (
        _seen(folder_stage, program, [*verbs])
        | _seen(folder_stage, program, [(album_made, "run --once"), *verbs])
        | _seen(dated_stage, program, [(None, "run --once")])
        | _seen(folder_stage, program, [(half_a_backup, "run --once"), *verbs, (None, "backup")])
        | _seen(folder_stage, program, [(marked, "run --once"), *verbs])
        | _seen(phone_stage, program, [*verbs, (None, "folders --leave DCIM/Camera")])
        | _seen(phone_stage, program, [(half_a_film, "run --once"), *verbs])
    )
    listed = set().union(*borders().values())
    forgotten = sorted(listed - seen - NOT_ON_THE_WAY.keys())
    assert not forgotten, "\n".join(forgotten)
    assert sorted(NOT_ON_THE_WAY.keys() - listed) == []  # it is no more: away with its excuse
    assert sorted(NOT_ON_THE_WAY.keys() & seen) == []  # it is on the way by now
