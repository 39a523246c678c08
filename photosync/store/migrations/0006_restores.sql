-- What is put back out of the copies, and what was freed from phones because other places have it.

-- One line for each item and each place that it was asked back to. address: the serial number of a
-- phone, or an absolute folder; path is relative to it. has_mtime_ns: the time that the place gave it.
CREATE TABLE restores (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('phone', 'folder')),
    address BLOB NOT NULL,
    item_id INTEGER NOT NULL REFERENCES media_items (id),
    path BLOB NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('wanted', 'done', 'failed')),
    has_mtime_ns INTEGER,
    error_code TEXT,
    error_message TEXT,
    asked_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (kind, address, item_id),
    CHECK (state <> 'done' OR has_mtime_ns IS NOT NULL),
    CHECK (state <> 'failed' OR error_code IS NOT NULL)
) STRICT;

CREATE INDEX restores_asked ON restores (asked_at, kind, address, id);
CREATE INDEX restores_left ON restores (kind, address, id) WHERE state <> 'done';
CREATE INDEX restores_by_item ON restores (item_id);

-- The log of photosync free-space. 'begun': about to be removed, or the phone did not say whether
-- it is gone; 'kept': it was not removed after all; 'back': it was, and was put back since.
CREATE TABLE freed (
    id INTEGER PRIMARY KEY,
    item_id INTEGER NOT NULL REFERENCES media_items (id),
    sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
    google_id TEXT NOT NULL CHECK (google_id <> ''),
    kept_in TEXT NOT NULL CHECK (kept_in IN ('mirror', 'backup', 'mirror and backup')),
    outcome TEXT NOT NULL CHECK (outcome IN ('begun', 'gone', 'kept', 'back')),
    reason TEXT NOT NULL DEFAULT '',
    at INTEGER NOT NULL
) STRICT;

-- Their copies are not pruned from the mirror.
CREATE INDEX freed_by_content ON freed (sha256) WHERE outcome IN ('begun', 'gone');
CREATE INDEX freed_by_item ON freed (item_id, id);
CREATE INDEX freed_begun ON freed (id) WHERE outcome = 'begun';
