"""Which items are ready: in a state that a stage takes from, nobody's, due and within reach.

Within reach: the source is connected, or the bytes lie in the mirror, or are at Google already.
Each source is asked for its first item by itself, so that a million items of an unplugged disk
cost no more than one.
"""

PAUSED = "EXISTS (SELECT 1 FROM flags WHERE name = 'paused')"

DUE = "leased_by IS NULL AND not_before <= :now"

COPIED = "state = 'mirrored' AND mirror_path IS NOT NULL"

FIRSTS = f"""
    SELECT (SELECT id FROM media_items INDEXED BY media_items_ready
            WHERE source_id = sources.id AND state = :state AND {DUE}
            ORDER BY not_before, id LIMIT 1) AS id
    FROM sources WHERE (connected = 1 OR :state = 'uploaded') AND ifnull(:kind, kind) = kind
    UNION ALL
    SELECT id FROM (SELECT id FROM media_items INDEXED BY media_items_copied
        WHERE :state = 'mirrored' AND {COPIED} AND {DUE} ORDER BY not_before, id LIMIT 1)
"""  # noqa: S608 - made of this module's constants

CLAIM = f"""
    UPDATE media_items SET leased_by = :worker
    WHERE NOT {PAUSED} AND id = (
        SELECT id FROM media_items WHERE id IN ({FIRSTS}) ORDER BY not_before, id LIMIT 1)
    RETURNING *
"""  # noqa: S608 - made of this module's constants

READY_NOW = f"""
    SELECT 1 FROM ({FIRSTS}) WHERE id IS NOT NULL LIMIT 1
"""  # noqa: S608 - made of this module's constants

UPLOADED = f"FROM media_items INDEXED BY media_items_to_create WHERE state = 'uploaded' AND {DUE}"

ONE_ALBUM = f"""
    {UPLOADED} AND NOT {PAUSED}
        AND album = (SELECT album {UPLOADED} ORDER BY not_before, id LIMIT 1)
"""

BATCH = f"SELECT * {ONE_ALBUM} ORDER BY not_before, id LIMIT :limit"

BATCH_SIZE = f"SELECT count(*) AS items, min(token_at) AS oldest_at {ONE_ALBUM}"

SMALL = "not_before <= :now AND size_bytes <= :largest"

COMES = """(kind = 'folder' OR NOT EXISTS (
    SELECT 1 FROM problems WHERE code IN ('mirror_full', 'mirror_away')))"""
"""Nothing comes from phones while copying rests."""

ON_THE_WAY = f"""
    SELECT count(*) AS items FROM (
        SELECT 1 FROM sources CROSS JOIN media_items INDEXED BY media_items_by_size
        WHERE connected = 1 AND {COMES} AND source_id = sources.id
            AND state IN ('found', 'mirrored') AND {SMALL}
        UNION ALL
        SELECT 1 FROM media_items INDEXED BY media_items_copied_by_size
        WHERE {COPIED} AND {SMALL}
            AND source_id NOT IN (SELECT id FROM sources WHERE connected = 1 AND {COMES})
        LIMIT :limit)
"""  # noqa: S608 - made of this module's constants

LATER = """
    FROM media_items INDEXED BY media_items_ready
    WHERE source_id IN (SELECT id FROM sources) AND state = :state AND leased_by IS NULL
        AND not_before > :now
"""

NEXT_DUE = """
    SELECT min(at) AS at FROM (
        SELECT (SELECT not_before FROM media_items INDEXED BY media_items_ready
                WHERE source_id = sources.id AND state = :state AND leased_by IS NULL
                    AND not_before > :now
                ORDER BY not_before LIMIT 1) AS at
        FROM sources)
"""

PUT_ASIDE = f"SELECT count(*) AS items, min(not_before) AS next_at {LATER}"

LONGEST_REST = 7 * 3600
"""Seconds. Nothing is put aside for longer; a clock that was ahead once makes it look so."""

CLOCKS_DIFFER = 60
"""Seconds. What was written later than that from now was written under such a clock, too."""

FORGIVE = f"""
    UPDATE media_items INDEXED BY media_items_ready SET not_before = 0
    WHERE source_id IN (SELECT id FROM sources) AND state = :state AND leased_by IS NULL
        AND not_before > :now
        AND (not_before > :now + {LONGEST_REST} OR updated_at > :now + {CLOCKS_DIFFER})
"""  # noqa: S608 - made of this module's constants
