-- What the user says was uploaded by another program, and what a full look no longer saw.

-- Files that were read, by absolute path: a broken-off import goes on, and their bytes are known.
CREATE TABLE assumed_files (
    path BLOB PRIMARY KEY,
    size_bytes INTEGER NOT NULL CHECK (size_bytes >= 0),
    mtime_ns INTEGER NOT NULL,
    sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
    origin TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX assumed_files_by_content ON assumed_files (sha256);

-- How many items are skipped for that reason, kept by triggers like the tallies.
CREATE TABLE assumed_tally (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    items INTEGER NOT NULL,
    bytes INTEGER NOT NULL
) STRICT;

INSERT INTO assumed_tally (id, items, bytes) VALUES (1, 0, 0);

CREATE TRIGGER media_items_assumed AFTER UPDATE OF state, error_code ON media_items
WHEN NEW.state = 'skipped' AND NEW.error_code IS 'assumed'
    AND NOT (OLD.state = 'skipped' AND OLD.error_code IS 'assumed')
BEGIN
    UPDATE assumed_tally SET items = items + 1, bytes = bytes + NEW.size_bytes;
END;

CREATE TRIGGER media_items_assumed_no_more AFTER UPDATE OF state, error_code ON media_items
WHEN OLD.state = 'skipped' AND OLD.error_code IS 'assumed'
    AND NOT (NEW.state = 'skipped' AND NEW.error_code IS 'assumed')
BEGIN
    UPDATE assumed_tally SET items = items - 1, bytes = bytes - OLD.size_bytes;
END;

-- When a look at the whole source last ended well, and since when such looks miss an item.
-- A fact for reports alone: nothing is ever removed, sent or forgotten because of it.
ALTER TABLE sources ADD COLUMN looked_at INTEGER;
ALTER TABLE media_items ADD COLUMN unseen_at INTEGER;

CREATE INDEX media_items_seen ON media_items (source_id, id) WHERE unseen_at IS NULL;
CREATE INDEX media_items_unseen ON media_items (source_id, id) WHERE unseen_at IS NOT NULL;
