-- What can be read in a target without the keys of today; and what was taken over unread.

-- For whom a file was sealed (a digest of their public keys); '' if nobody knows any more.
ALTER TABLE backups ADD COLUMN sealed_for TEXT NOT NULL DEFAULT '';
-- Not called after two digits and a random number: 0f/0f1e2d….age
ALTER TABLE backups ADD COLUMN shows_name INTEGER GENERATED ALWAYS AS (
    length(path) NOT IN (35, 39) OR substr(CAST(path AS TEXT), 1, 3)
        <> substr(CAST(path AS TEXT), 4, 2) || '/'
    OR substr(CAST(path AS TEXT), 4, 32) GLOB '*[^0-9a-f]*') VIRTUAL;

-- For whom files are sealed today and since when, and whether an index lies there that is plain, or
-- sealed for other keys.
ALTER TABLE backup_targets ADD COLUMN sealed_for TEXT NOT NULL DEFAULT '';
ALTER TABLE backup_targets ADD COLUMN keys_since INTEGER NOT NULL DEFAULT 0;
ALTER TABLE backup_targets ADD COLUMN has_old_index INTEGER NOT NULL DEFAULT 0
    CHECK (has_old_index IN (0, 1));

UPDATE backup_targets SET has_old_index = 1 WHERE EXISTS (
    SELECT 1 FROM backups WHERE target_id = backup_targets.id AND is_sealed = 0 AND is_listed = 1);

-- Files that have to go: another, sealed one has their content, or they were to be that one.
CREATE TABLE backup_leaving (
    target_id INTEGER NOT NULL REFERENCES backup_targets (id),
    path BLOB NOT NULL,
    sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
    stored_bytes INTEGER NOT NULL CHECK (stored_bytes >= 0),
    stored_sha256 TEXT NOT NULL CHECK (length(stored_sha256) = 64),
    PRIMARY KEY (target_id, path)
) STRICT, WITHOUT ROWID;

-- How many files of each kind lie there: status asks each second.
CREATE TABLE backup_kinds (
    target_id INTEGER NOT NULL REFERENCES backup_targets (id),
    is_sealed INTEGER NOT NULL,
    shows_name INTEGER NOT NULL,
    sealed_for TEXT NOT NULL,
    items INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (target_id, is_sealed, shows_name, sealed_for)
) STRICT, WITHOUT ROWID;

INSERT INTO backup_kinds (target_id, is_sealed, shows_name, sealed_for, items, bytes)
SELECT target_id, is_sealed, shows_name, sealed_for, count(*), sum(stored_bytes)
FROM backups WHERE is_lost = 0 GROUP BY 1, 2, 3, 4;

CREATE TRIGGER backups_of_a_kind AFTER INSERT ON backups WHEN NEW.is_lost = 0
BEGIN
    INSERT INTO backup_kinds (target_id, is_sealed, shows_name, sealed_for, items, bytes)
    VALUES (NEW.target_id, NEW.is_sealed, NEW.shows_name, NEW.sealed_for, 1, NEW.stored_bytes)
    ON CONFLICT DO UPDATE SET items = items + 1, bytes = bytes + excluded.bytes;
END;

CREATE TRIGGER backups_of_another_kind
AFTER UPDATE OF path, is_sealed, sealed_for, stored_bytes, is_lost ON backups
BEGIN
    UPDATE backup_kinds SET items = items - 1, bytes = bytes - OLD.stored_bytes
    WHERE OLD.is_lost = 0 AND target_id = OLD.target_id AND is_sealed = OLD.is_sealed
        AND shows_name = OLD.shows_name AND sealed_for = OLD.sealed_for;
    INSERT INTO backup_kinds (target_id, is_sealed, shows_name, sealed_for, items, bytes)
    SELECT NEW.target_id, NEW.is_sealed, NEW.shows_name, NEW.sealed_for, 1, NEW.stored_bytes
    WHERE NEW.is_lost = 0
    ON CONFLICT DO UPDATE SET items = items + 1, bytes = bytes + excluded.bytes;
END;

CREATE INDEX backups_plain ON backups (target_id, sha256) WHERE is_sealed = 0;

-- verified_at 1: taken over by its size from what the target tells, and not read back yet.
DROP TRIGGER media_items_to_back_up;

CREATE TRIGGER media_items_to_back_up AFTER UPDATE OF sha256 ON media_items
WHEN NEW.sha256 IS NOT NULL
    AND (NEW.state IN ('mirrored', 'uploaded', 'done', 'duplicate', 'failed')
         OR (NEW.state = 'skipped' AND NEW.error_code IS 'assumed'))
BEGIN
    INSERT OR IGNORE INTO backup_waiting (target_id, item_id)
    SELECT id, NEW.id FROM backup_targets
    WHERE wanted = 1 AND NOT EXISTS (
        SELECT 1 FROM backups WHERE target_id = backup_targets.id AND sha256 = NEW.sha256
            AND verified_at > 1 AND is_lost = 0);
END;
