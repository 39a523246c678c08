-- The queue and everything that has to outlive the process.
-- Columns carry their unit: _bytes, _at (seconds UTC), _ns. Paths are bytes as the disk has them.

CREATE TABLE sources (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('folder', 'phone')),
    address BLOB NOT NULL,
    label TEXT NOT NULL,
    album TEXT NOT NULL DEFAULT '',
    connected INTEGER NOT NULL DEFAULT 0 CHECK (connected IN (0, 1)),
    last_seen_at INTEGER,
    UNIQUE (kind, address)
) STRICT;

CREATE TABLE media_items (
    id INTEGER PRIMARY KEY,
    source_id INTEGER NOT NULL REFERENCES sources (id),
    source_path BLOB NOT NULL,
    size_bytes INTEGER NOT NULL CHECK (size_bytes >= 0),
    source_mtime_ns INTEGER NOT NULL,
    mime_type TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'found',
    mirror_path BLOB,
    sha256 TEXT CHECK (length(sha256) = 64),
    sha1 TEXT CHECK (length(sha1) = 40),
    taken_at INTEGER,
    album TEXT NOT NULL DEFAULT '',
    upload_token TEXT,
    token_at INTEGER,
    maybe_created INTEGER NOT NULL DEFAULT 0 CHECK (maybe_created IN (0, 1)),
    google_id TEXT,
    duplicate_of INTEGER REFERENCES media_items (id),
    attempts INTEGER NOT NULL DEFAULT 0,
    not_before INTEGER NOT NULL DEFAULT 0,
    leased_by TEXT,
    error_code TEXT,
    error_message TEXT,
    found_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (source_id, source_path, size_bytes, source_mtime_ns),
    CHECK (state NOT IN ('mirrored', 'uploaded', 'done') OR (sha256 IS NOT NULL AND sha1 IS NOT NULL)),
    -- a CHECK that comes out NULL passes: <> alone would let a missing token through
    CHECK (state <> 'uploaded' OR (ifnull(upload_token, '') <> '' AND token_at IS NOT NULL)),
    CHECK (state <> 'done' OR ifnull(google_id, '') <> ''),
    CHECK ((state = 'duplicate') = (duplicate_of IS NOT NULL)),
    CHECK (state <> 'failed' OR error_code IS NOT NULL),
    CHECK (leased_by IS NULL OR state IN ('found', 'mirrored', 'uploaded'))
) STRICT;

-- The source comes first: a million items of an unplugged disk are never stepped over.
CREATE INDEX media_items_ready ON media_items (source_id, state, leased_by, not_before, id);
CREATE INDEX media_items_copied ON media_items (leased_by, not_before, id)
WHERE state = 'mirrored' AND mirror_path IS NOT NULL;
CREATE INDEX media_items_copied_by_size ON media_items (size_bytes, not_before)
WHERE state = 'mirrored' AND mirror_path IS NOT NULL;
CREATE INDEX media_items_to_create ON media_items (leased_by, not_before, id)
WHERE state = 'uploaded';
CREATE INDEX media_items_by_size ON media_items (source_id, state, size_bytes, not_before)
WHERE state IN ('found', 'mirrored');
CREATE INDEX media_items_by_state ON media_items (state, id);
CREATE INDEX media_items_by_source ON media_items (source_id, state, id);
CREATE INDEX media_items_by_content ON media_items (sha256) WHERE sha256 IS NOT NULL;
CREATE INDEX media_items_duplicates ON media_items (duplicate_of) WHERE duplicate_of IS NOT NULL;
CREATE INDEX media_items_leased ON media_items (leased_by) WHERE leased_by IS NOT NULL;

-- The legal moves stand here and in domain/states.py; a test holds both together.
CREATE TABLE legal_moves (
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    PRIMARY KEY (before, after)
) STRICT, WITHOUT ROWID;

INSERT INTO legal_moves (before, after) VALUES
    ('held', 'found'), ('held', 'skipped'),
    ('found', 'mirrored'), ('found', 'duplicate'), ('found', 'skipped'), ('found', 'failed'),
    ('mirrored', 'uploaded'), ('mirrored', 'duplicate'), ('mirrored', 'skipped'),
    ('mirrored', 'failed'), ('mirrored', 'found'),
    ('uploaded', 'done'), ('uploaded', 'mirrored'), ('uploaded', 'skipped'), ('uploaded', 'failed'),
    ('duplicate', 'found'), ('duplicate', 'skipped'),
    ('skipped', 'found'),
    ('failed', 'found'), ('failed', 'mirrored'), ('failed', 'skipped');

CREATE TRIGGER media_items_legal_move
BEFORE UPDATE OF state ON media_items
WHEN NEW.state <> OLD.state
    AND NOT EXISTS (SELECT 1 FROM legal_moves WHERE before = OLD.state AND after = NEW.state)
BEGIN
    SELECT RAISE(ABORT, 'illegal move');
END;

CREATE TRIGGER media_items_legal_start
BEFORE INSERT ON media_items
WHEN NEW.state NOT IN ('found', 'held')
BEGIN
    SELECT RAISE(ABORT, 'illegal first state');
END;

-- The history of every item, written by triggers so that no move can leave it out.
CREATE TABLE item_events (
    id INTEGER PRIMARY KEY,
    item_id INTEGER NOT NULL REFERENCES media_items (id),
    at INTEGER NOT NULL,
    before TEXT,
    after TEXT NOT NULL,
    code TEXT
) STRICT;

CREATE INDEX item_events_by_item ON item_events (item_id, id);

-- How many items and bytes stand where, kept by triggers: status never counts a million rows.
CREATE TABLE tallies (
    source_id INTEGER NOT NULL REFERENCES sources (id),
    state TEXT NOT NULL,
    items INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    last_at INTEGER,
    PRIMARY KEY (source_id, state)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER media_items_began AFTER INSERT ON media_items
BEGIN
    INSERT INTO item_events (item_id, at, before, after, code)
    VALUES (NEW.id, NEW.updated_at, NULL, NEW.state, NEW.error_code);
    INSERT INTO tallies (source_id, state, items, bytes, last_at)
    VALUES (NEW.source_id, NEW.state, 1, NEW.size_bytes, NEW.updated_at)
    ON CONFLICT DO UPDATE SET items = items + 1, bytes = bytes + excluded.bytes,
        last_at = max(ifnull(last_at, 0), excluded.last_at);
END;

CREATE TRIGGER media_items_moved AFTER UPDATE OF state ON media_items
WHEN NEW.state <> OLD.state
BEGIN
    INSERT INTO item_events (item_id, at, before, after, code)
    VALUES (NEW.id, NEW.updated_at, OLD.state, NEW.state, NEW.error_code);
    UPDATE tallies SET items = items - 1, bytes = bytes - OLD.size_bytes
    WHERE source_id = OLD.source_id AND state = OLD.state;
    INSERT INTO tallies (source_id, state, items, bytes, last_at)
    VALUES (NEW.source_id, NEW.state, 1, NEW.size_bytes, NEW.updated_at)
    ON CONFLICT DO UPDATE SET items = items + 1, bytes = bytes + excluded.bytes,
        last_at = max(ifnull(last_at, 0), excluded.last_at);
END;

CREATE TRIGGER media_items_stay BEFORE DELETE ON media_items
BEGIN
    SELECT RAISE(ABORT, 'items are never deleted');
END;

-- Resumable uploads that have begun. The URL is a secret.
CREATE TABLE upload_sessions (
    item_id INTEGER PRIMARY KEY REFERENCES media_items (id),
    url TEXT NOT NULL,
    granularity_bytes INTEGER NOT NULL,
    fingerprint TEXT NOT NULL,
    begun_at INTEGER NOT NULL
) STRICT;

-- Title to id, so that albums are never listed. No id: creation began and its answer is unknown.
CREATE TABLE albums (
    title TEXT PRIMARY KEY,
    google_id TEXT,
    begun_at INTEGER NOT NULL
) STRICT;

-- Requests per Pacific day (Google's day), whole and by kind.
CREATE TABLE quota_days (
    day TEXT PRIMARY KEY,
    requests INTEGER NOT NULL DEFAULT 0,
    spent_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE quota_usage (
    day TEXT NOT NULL,
    kind TEXT NOT NULL,
    requests INTEGER NOT NULL,
    PRIMARY KEY (day, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE recent_writes (
    id INTEGER PRIMARY KEY,
    at REAL NOT NULL
) STRICT;

-- What stands in the way, for status and for the workers. gate 'library': nothing is sent.
CREATE TABLE problems (
    code TEXT NOT NULL,
    subject TEXT NOT NULL DEFAULT '',
    message TEXT NOT NULL,
    hint TEXT NOT NULL,
    gate TEXT NOT NULL DEFAULT '' CHECK (gate IN ('', 'library', 'source')),
    needs_user INTEGER NOT NULL CHECK (needs_user IN (0, 1)),
    since INTEGER NOT NULL,
    until INTEGER,
    PRIMARY KEY (code, subject)
) STRICT, WITHOUT ROWID;

CREATE TABLE flags (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE heartbeats (
    worker TEXT PRIMARY KEY,
    at INTEGER NOT NULL,
    doing TEXT NOT NULL,
    item_id INTEGER,
    sent_bytes INTEGER NOT NULL DEFAULT 0,
    size_bytes INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
