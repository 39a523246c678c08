-- What the user said of an item holds: a chosen one stays chosen, a skipped one's bytes stay out.

ALTER TABLE media_items ADD COLUMN chosen INTEGER NOT NULL DEFAULT 0 CHECK (chosen IN (0, 1));

-- Set aside by us, and back again: with select.mode = "manual" it waits for the choice once more.
INSERT INTO legal_moves (before, after) VALUES ('skipped', 'held'), ('failed', 'held');

-- What settings that changed are held against, page by page.
CREATE INDEX media_items_waiting ON media_items (source_id, id)
WHERE state IN ('held', 'found', 'mirrored', 'uploaded', 'duplicate');
