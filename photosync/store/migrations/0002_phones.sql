-- Phones: which of their folders the user has decided about, and which copies may go.

CREATE TABLE phone_folders (
    source_id INTEGER NOT NULL REFERENCES sources (id),
    path BLOB NOT NULL,
    choice TEXT NOT NULL CHECK (choice IN ('new', 'take', 'leave')),
    photos INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    newest_at INTEGER,
    seen_at INTEGER NOT NULL,
    PRIMARY KEY (source_id, path)
) STRICT, WITHOUT ROWID;

CREATE INDEX media_items_to_prune ON media_items (updated_at)
WHERE mirror_path IS NOT NULL AND state IN ('done', 'duplicate');
