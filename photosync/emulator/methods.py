"""Which request goes where, and what it needs: the table of google-photos-api.md §1.1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from photosync.emulator import bodies, wire
from photosync.emulator.gate import Gate, Rule
from photosync.emulator.people import APPEND, EDIT, READ
from photosync.emulator.uploads import kind_of

if TYPE_CHECKING:
    from starlette.routing import Route

    from photosync.emulator.albums import Albums
    from photosync.emulator.call import Call
    from photosync.emulator.consent import Consent
    from photosync.emulator.creating import Creating
    from photosync.emulator.downloads import Downloads
    from photosync.emulator.reading import Reading
    from photosync.emulator.tokens import TokenDesk
    from photosync.emulator.uploads import Uploads

_ITEMS: Final = "/v1/mediaItems"
_ALBUMS: Final = "/v1/albums"
_PAGED: Final = frozenset({"pageSize", "pageToken"})
_SHARING: Final = (
    ("POST", _ALBUMS + "/{id}:share"),
    ("POST", _ALBUMS + "/{id}:unshare"),
    ("POST", "/v1/sharedAlbums:join"),
    ("POST", "/v1/sharedAlbums:leave"),
    ("GET", "/v1/sharedAlbums"),
    ("GET", "/v1/sharedAlbums/{id}"),
)


def oauth_routes(gate: Gate, consent: Consent, desk: TokenDesk) -> list[Route]:
    """Google's accounts and oauth2 hosts, on the same port."""
    rules = [
        ("GET", "/o/oauth2/v2/auth", Rule("consent", consent.page, params=None)),
        ("GET", "/o/oauth2/auth", Rule("consent", consent.page, params=None)),
        ("POST", "/o/oauth2/v2/auth", Rule("consent.answer", consent.decide, params=None)),
        ("GET", "/signin/oauth/error", Rule("consent.error", consent.error, params=None)),
        ("POST", "/token", Rule("token", desk.token, params=None)),
        ("POST", "/revoke", Rule("revoke", desk.revoke, params=None)),
        ("POST", "/device/code", Rule("device", desk.device, params=None)),
    ]
    return [gate.route(path, method, rule) for method, path, rule in rules]


def upload_routes(gate: Gate, uploads: Uploads, downloads: Downloads) -> list[Route]:
    """Where bytes go in and out; a trailing slash is tolerated (§2.1)."""
    rule = Rule(
        kind_of, uploads.handle, scopes=(APPEND,), sessions=True, streamed=True, params=None
    )
    routes = [gate.route(path, "POST", rule) for path in ("/v1/uploads", "/v1/uploads/")]
    return [
        *routes,
        gate.route("/lr/{token}", "GET", Rule("baseUrl", downloads.serve, params=None)),
    ]


def item_routes(gate: Gate, creating: Creating, reading: Reading) -> list[Route]:
    """The methods of mediaItems."""
    read = (READ,)
    rules = [
        (
            *("POST", _ITEMS + ":batchCreate"),
            Rule(
                *("batchCreate", creating.batch_create, (APPEND,)),
                write=True,
                schema=wire.NEW_RESULTS,
            ),
        ),
        (
            *("POST", _ITEMS + ":search"),
            Rule("mediaItems.search", reading.search, read, schema=wire.ITEM_PAGE),
        ),
        (
            *("GET", _ITEMS + ":batchGet"),
            Rule(
                *("mediaItems.batchGet", reading.batch_get, read),
                params=frozenset({"mediaItemIds"}),
                schema=wire.BATCH_RESULTS,
            ),
        ),
        (
            *("GET", _ITEMS),
            Rule("mediaItems.list", reading.list_own, read, params=_PAGED, schema=wire.ITEM_PAGE),
        ),
        (
            *("GET", _ITEMS + "/{id}"),
            Rule("mediaItems.get", reading.get, read, schema=wire.MEDIA_ITEM),
        ),
        (
            *("PATCH", _ITEMS + "/{id}"),
            Rule(
                *("mediaItems.patch", reading.patch, (EDIT,)),
                write=True,
                params=frozenset({"updateMask"}),
                schema=wire.MEDIA_ITEM,
            ),
        ),
    ]
    return [gate.route(path, method, rule) for method, path, rule in rules]


def album_routes(gate: Gate, albums: Albums) -> list[Route]:
    """The methods of albums, and those of sharing, which Google switched off in March 2025."""
    one = _ALBUMS + "/{id}"
    rules = [
        *(("POST", path, Rule("sharing", _gone, (APPEND, READ, EDIT))) for path in _post_sharing()),
        *(
            ("GET", path, Rule("sharing", _gone, (APPEND, READ, EDIT), params=None))
            for path in _get_sharing()
        ),
        (
            "POST",
            one + ":addEnrichment",
            _change("addEnrichment", albums.add_enrichment, wire.ENRICHMENT),
        ),
        ("POST", one + ":batchAddMediaItems", _change("batchAddMediaItems", albums.add_items)),
        (
            *("POST", one + ":batchRemoveMediaItems"),
            Rule(
                *("albums.batchRemoveMediaItems", albums.remove_items, (EDIT,)),
                write=True,
                schema=wire.NOTHING,
            ),
        ),
        (
            *("POST", _ALBUMS),
            Rule("albums.create", albums.create, (APPEND,), write=True, schema=wire.ALBUM),
        ),
        (
            *("GET", _ALBUMS),
            Rule(
                *("albums.list", albums.list_own, (READ,)),
                params=_PAGED | {"excludeNonAppCreatedData"},
                schema=wire.ALBUM_PAGE,
            ),
        ),
        ("GET", one, Rule("albums.get", albums.get, (READ,), schema=wire.ALBUM)),
        (
            *("PATCH", one),
            Rule(
                *("albums.patch", albums.patch, (EDIT,)),
                write=True,
                params=frozenset({"updateMask"}),
                schema=wire.ALBUM,
            ),
        ),
    ]
    return [gate.route(path, method, rule) for method, path, rule in rules]


def _change(name: str, handler: Any, schema: wire.Schema = wire.NOTHING) -> Rule:
    return Rule(f"albums.{name}", handler, (APPEND, EDIT), write=True, schema=schema)


def _post_sharing() -> list[str]:
    return [path for method, path in _SHARING if method == "POST"]


def _get_sharing() -> list[str]:
    return [path for method, path in _SHARING if method == "GET"]


async def _gone(call: Call) -> dict[str, Any]:
    raise bodies.scope_missing(call.kind)
