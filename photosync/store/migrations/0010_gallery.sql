-- What the web page shows: items by day, newest first, by whatever they are sought; and what the
-- user chose there for each source.

ALTER TABLE media_items ADD COLUMN shown_at INTEGER
    GENERATED ALWAYS AS (ifnull(taken_at, source_mtime_ns / 1000000000)) VIRTUAL;
ALTER TABLE media_items ADD COLUMN is_video INTEGER
    GENERATED ALWAYS AS (substr(mime_type, 1, 6) = 'video/') VIRTUAL;
-- all up to the last "/", byte by byte: rtrim takes away whatever is no "/"
ALTER TABLE media_items ADD COLUMN folder BLOB
    GENERATED ALWAYS AS (CAST(rtrim(
        CAST(source_path AS TEXT), replace(CAST(source_path AS TEXT), '/', '')) AS BLOB)) VIRTUAL;

-- Sources and states are few: the newest of all are the newest of each, put together.
CREATE INDEX media_items_gallery ON media_items (source_id, state, is_video, shown_at, id);
CREATE INDEX media_items_by_folder
ON media_items (source_id, folder, shown_at, id, state, is_video, size_bytes);

-- mode NULL: as the settings say. is_left: nothing new is taken from it.
CREATE TABLE source_choices (
    source_id INTEGER PRIMARY KEY REFERENCES sources (id),
    mode TEXT CHECK (mode IN ('auto', 'manual')),
    is_left INTEGER NOT NULL DEFAULT 0 CHECK (is_left IN (0, 1))
) STRICT;
