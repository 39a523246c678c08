-- The second copy: what lies in which target, by content, and what waits to be brought there.

CREATE TABLE backup_targets (
    id INTEGER PRIMARY KEY,
    address TEXT NOT NULL UNIQUE,
    mark TEXT,
    wanted INTEGER NOT NULL DEFAULT 0 CHECK (wanted IN (0, 1))
) STRICT;

-- verified_at 0: begun, and not yet read back. name: what the file is called for people.
CREATE TABLE backups (
    target_id INTEGER NOT NULL REFERENCES backup_targets (id),
    sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
    path BLOB NOT NULL,
    name BLOB NOT NULL,
    size_bytes INTEGER NOT NULL CHECK (size_bytes >= 0),
    stored_bytes INTEGER NOT NULL CHECK (stored_bytes >= 0),
    stored_sha256 TEXT NOT NULL CHECK (length(stored_sha256) = 64),
    is_sealed INTEGER NOT NULL CHECK (is_sealed IN (0, 1)),
    mtime_ns INTEGER NOT NULL,
    made_at INTEGER NOT NULL,
    verified_at INTEGER NOT NULL DEFAULT 0,
    is_lost INTEGER NOT NULL DEFAULT 0 CHECK (is_lost IN (0, 1)),
    is_listed INTEGER NOT NULL DEFAULT 0 CHECK (is_listed IN (0, 1)),
    PRIMARY KEY (target_id, sha256)
) STRICT;

CREATE INDEX backups_by_path ON backups (target_id, path);
CREATE INDEX backups_by_name ON backups (target_id, name);
CREATE INDEX backups_to_verify ON backups (target_id, verified_at, sha256)
WHERE verified_at > 0 AND is_lost = 0;
CREATE INDEX backups_unlisted ON backups (target_id, sha256)
WHERE verified_at > 0 AND is_lost = 0 AND is_listed = 0;
CREATE INDEX backups_lost ON backups (target_id, sha256) WHERE is_lost = 1;

-- Never counted row by row: status asks each second.
CREATE TABLE backup_tallies (
    target_id INTEGER PRIMARY KEY REFERENCES backup_targets (id),
    items INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    waiting INTEGER NOT NULL DEFAULT 0,
    last_at INTEGER
) STRICT;

CREATE TRIGGER backup_targets_began AFTER INSERT ON backup_targets
BEGIN
    INSERT INTO backup_tallies (target_id) VALUES (NEW.id);
END;

CREATE TRIGGER backups_began AFTER INSERT ON backups WHEN NEW.verified_at > 0 AND NEW.is_lost = 0
BEGIN
    UPDATE backup_tallies SET items = items + 1, bytes = bytes + NEW.size_bytes,
        last_at = max(ifnull(last_at, 0), NEW.made_at)
    WHERE target_id = NEW.target_id;
END;

CREATE TRIGGER backups_changed AFTER UPDATE OF verified_at, is_lost ON backups
WHEN (NEW.verified_at > 0 AND NEW.is_lost = 0) <> (OLD.verified_at > 0 AND OLD.is_lost = 0)
BEGIN
    UPDATE backup_tallies SET
        items = items + iif(NEW.verified_at > 0 AND NEW.is_lost = 0, 1, -1),
        bytes = bytes + iif(NEW.verified_at > 0 AND NEW.is_lost = 0, 1, -1) * NEW.size_bytes,
        last_at = iif(NEW.verified_at > 0 AND NEW.is_lost = 0,
                      max(ifnull(last_at, 0), NEW.made_at), last_at)
    WHERE target_id = NEW.target_id;
END;

CREATE TRIGGER backups_went AFTER DELETE ON backups WHEN OLD.verified_at > 0 AND OLD.is_lost = 0
BEGIN
    UPDATE backup_tallies SET items = items - 1, bytes = bytes - OLD.size_bytes
    WHERE target_id = OLD.target_id;
END;

-- What has to be looked at for a target; of equal bytes, the first that comes counts.
CREATE TABLE backup_waiting (
    target_id INTEGER NOT NULL REFERENCES backup_targets (id),
    item_id INTEGER NOT NULL REFERENCES media_items (id),
    not_before INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    error_code TEXT,
    error_message TEXT,
    PRIMARY KEY (target_id, item_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX backup_waiting_due ON backup_waiting (target_id, not_before, item_id);

CREATE TRIGGER backup_waiting_began AFTER INSERT ON backup_waiting
BEGIN
    UPDATE backup_tallies SET waiting = waiting + 1 WHERE target_id = NEW.target_id;
END;

CREATE TRIGGER backup_waiting_went AFTER DELETE ON backup_waiting
BEGIN
    UPDATE backup_tallies SET waiting = waiting - 1 WHERE target_id = OLD.target_id;
END;

-- Hashed: its bytes are here, and known.
CREATE TRIGGER media_items_to_back_up AFTER UPDATE OF sha256 ON media_items
WHEN NEW.sha256 IS NOT NULL
    AND (NEW.state IN ('mirrored', 'uploaded', 'done', 'duplicate', 'failed')
         OR (NEW.state = 'skipped' AND NEW.error_code IS 'assumed'))
BEGIN
    INSERT OR IGNORE INTO backup_waiting (target_id, item_id)
    SELECT id, NEW.id FROM backup_targets
    WHERE wanted = 1 AND NOT EXISTS (
        SELECT 1 FROM backups WHERE target_id = backup_targets.id AND sha256 = NEW.sha256
            AND verified_at > 0 AND is_lost = 0);
END;
