-- What photosync verify found: when the library was last asked after an item, and whether it is gone.

ALTER TABLE media_items ADD COLUMN verified_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE media_items ADD COLUMN is_missing INTEGER NOT NULL DEFAULT 0 CHECK (is_missing IN (0, 1));

CREATE INDEX media_items_to_verify ON media_items (verified_at, id) WHERE state = 'done';
CREATE INDEX media_items_missing ON media_items (id) WHERE is_missing = 1;

-- Gone from the library, and sent again because the user says so.
INSERT INTO legal_moves (before, after) VALUES ('done', 'mirrored');
