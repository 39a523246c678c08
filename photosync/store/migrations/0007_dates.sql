-- Dated copies: what was sent in place of a photo that says no date itself. By the original's hash,
-- for that is the photo's identity: whichever file of the same bytes is sent, it is the same copy.

CREATE TABLE dated (
    sha256 TEXT PRIMARY KEY CHECK (length(sha256) = 64),
    dated_at INTEGER NOT NULL,
    offset_seconds INTEGER NOT NULL,
    origin TEXT NOT NULL CHECK (origin IN ('name', 'mtime')),
    copy_sha256 TEXT NOT NULL CHECK (length(copy_sha256) = 64),
    copy_bytes INTEGER NOT NULL,
    may_be_there INTEGER NOT NULL DEFAULT 0 CHECK (may_be_there IN (0, 1))
) STRICT, WITHOUT ROWID;

-- From when its token is handed to batchCreate: another copy would be another photo to Google.
CREATE TRIGGER media_items_dated AFTER UPDATE OF maybe_created ON media_items
WHEN NEW.maybe_created = 1 AND OLD.maybe_created = 0
BEGIN
    UPDATE dated SET may_be_there = 1 WHERE sha256 = NEW.sha256;
END;

-- The user has looked, and wants it sent.
CREATE TRIGGER media_items_dated_anew AFTER UPDATE OF state ON media_items
WHEN OLD.state = 'failed' AND OLD.error_code = 'dated_anew' AND NEW.state <> 'skipped'
BEGIN
    UPDATE dated SET may_be_there = 0 WHERE sha256 = OLD.sha256;
END;

-- How many photos each album was given, and which ones are full; "Title (2)" comes after "Title".
ALTER TABLE albums ADD COLUMN items INTEGER NOT NULL DEFAULT 0;
ALTER TABLE albums ADD COLUMN full_at INTEGER;
