-- What was asked back on the web page, until the daemon has worked it off: kept, so that a restart
-- goes on with it.

-- goal 'home': each where it came from; then there is no address. told: what came of it, as JSON.
CREATE TABLE restore_requests (
    id INTEGER PRIMARY KEY,
    goal TEXT NOT NULL CHECK (goal IN ('home', 'phone', 'folder')),
    address BLOB,
    items INTEGER NOT NULL CHECK (items > 0),
    state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'ended')),
    seen INTEGER NOT NULL DEFAULT 0,
    told TEXT NOT NULL DEFAULT '{}',
    tries INTEGER NOT NULL DEFAULT 0,
    not_before INTEGER NOT NULL DEFAULT 0,
    asked_at INTEGER NOT NULL,
    CHECK ((goal = 'home') = (address IS NULL))
) STRICT;

CREATE TABLE restore_request_items (
    request_id INTEGER NOT NULL REFERENCES restore_requests (id) ON DELETE CASCADE,
    item_id INTEGER NOT NULL REFERENCES media_items (id),
    PRIMARY KEY (request_id, item_id)
) STRICT, WITHOUT ROWID;
