-- Files in the second copy that were found damaged and brought there anew beside themselves:
-- they stay, for nothing there is overwritten or removed, and are told apart from other people's.

CREATE TABLE backups_replaced (
    target_id INTEGER NOT NULL REFERENCES backup_targets (id),
    path BLOB NOT NULL,
    sha256 TEXT NOT NULL,
    PRIMARY KEY (target_id, path)
) STRICT;

CREATE TRIGGER backups_moved AFTER UPDATE OF path ON backups
WHEN OLD.path <> NEW.path AND OLD.verified_at > 0
BEGIN
    INSERT OR REPLACE INTO backups_replaced (target_id, path, sha256)
    VALUES (OLD.target_id, OLD.path, OLD.sha256);
END;
