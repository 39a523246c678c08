"""JSON as proto3 maps it: strict reading of requests, ``fields`` masks on answers (§10.7-8)."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from photosync.emulator import bodies

if TYPE_CHECKING:
    from collections.abc import Mapping

#: A schema is a type, a dict of fields, or a list with one schema for the elements.
Schema = Any

_POSITION: Final[Schema] = {
    "position": str,
    "relativeMediaItemId": str,
    "relativeEnrichmentItemId": str,
}
_DATE: Final[Schema] = {"year": int, "month": int, "day": int}
_LOCATION: Final[Schema] = {"locationName": str, "latlng": {"latitude": float, "longitude": float}}

BATCH_CREATE: Final[Schema] = {
    "albumId": str,
    "newMediaItems": [
        {"description": str, "simpleMediaItem": {"uploadToken": str, "fileName": str}}
    ],
    "albumPosition": _POSITION,
}
ALBUM: Final[Schema] = {
    "id": str,
    "title": str,
    "productUrl": str,
    "isWriteable": bool,
    "mediaItemsCount": int,
    "coverPhotoBaseUrl": str,
    "coverPhotoMediaItemId": str,
}
CREATE_ALBUM: Final[Schema] = {"album": ALBUM}
MEDIA_ITEM_IDS: Final[Schema] = {"mediaItemIds": [str]}
ADD_ENRICHMENT: Final[Schema] = {
    "newEnrichmentItem": {
        "textEnrichment": {"text": str},
        "locationEnrichment": {"location": _LOCATION},
        "mapEnrichment": {"origin": _LOCATION, "destination": _LOCATION},
    },
    "albumPosition": _POSITION,
}
SEARCH: Final[Schema] = {
    "albumId": str,
    "pageSize": int,
    "pageToken": str,
    "orderBy": str,
    "filters": {
        "dateFilter": {"dates": [_DATE], "ranges": [{"startDate": _DATE, "endDate": _DATE}]},
        "contentFilter": {
            "includedContentCategories": [str],
            "excludedContentCategories": [str],
        },
        "mediaTypeFilter": {"mediaTypes": [str]},
        "featureFilter": {"includedFeatures": [str]},
        "includeArchivedMedia": bool,
        "excludeNonAppCreatedData": bool,
    },
}
MEDIA_ITEM: Final[Schema] = {
    "id": str,
    "description": str,
    "productUrl": str,
    "baseUrl": str,
    "mimeType": str,
    "filename": str,
    "mediaMetadata": {
        "creationTime": str,
        "width": int,
        "height": int,
        "photo": {
            "cameraMake": str,
            "cameraModel": str,
            "focalLength": float,
            "apertureFNumber": float,
            "isoEquivalent": int,
            "exposureTime": str,
        },
        "video": {"cameraMake": str, "cameraModel": str, "fps": float, "status": str},
    },
    "contributorInfo": {"profilePictureBaseUrl": str, "displayName": str},
}
_STATUS: Final[Schema] = {"code": int, "message": str, "details": [{}]}
NEW_RESULTS: Final[Schema] = {
    "newMediaItemResults": [{"uploadToken": str, "status": _STATUS, "mediaItem": MEDIA_ITEM}]
}
BATCH_RESULTS: Final[Schema] = {"mediaItemResults": [{"status": _STATUS, "mediaItem": MEDIA_ITEM}]}
ITEM_PAGE: Final[Schema] = {"mediaItems": [MEDIA_ITEM], "nextPageToken": str}
ALBUM_PAGE: Final[Schema] = {"albums": [ALBUM], "nextPageToken": str}
ENRICHMENT: Final[Schema] = {"enrichmentItem": {"id": str}}
NOTHING: Final[Schema] = {}


def read(content: bytes, schema: Schema) -> dict[str, Any]:
    """Parse a request body; keys come out in lowerCamelCase, unset fields are absent.

    Raises:
        Refusal: 400: not JSON, an unknown field, or a value of the wrong type.
    """
    if not content.strip():
        return {}
    try:
        value = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError):
        message = "Invalid JSON payload received. Unexpected token."
        raise bodies.invalid_field("", message) from None
    parsed: dict[str, Any] = _field(value, schema, "")
    return parsed


def _field(value: Any, schema: Schema, path: str) -> Any:
    if isinstance(schema, dict):
        return _message(value, schema, path)
    if isinstance(schema, list):
        if not isinstance(value, list):
            raise _wrong(path, value)
        return [_field(each, schema[0], f"{path}[{i}]") for i, each in enumerate(value)]
    return _scalar(value, schema, path)


def _message(value: Any, schema: dict[str, Any], path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong(path, value)
    known = {name: name for name in schema} | {snake(name): name for name in schema}
    parsed = {}
    for key, inner in value.items():
        if key not in known:
            where = f" at '{path}'" if path else ""
            message = f'Invalid JSON payload received. Unknown name "{key}"{where}: '
            raise bodies.invalid_field(path, message + "Cannot find field.")
        name = known[key]
        if inner is not None:  # proto3: null is the default
            inner_path = f"{path}.{snake(name)}" if path else snake(name)
            parsed[name] = _field(inner, schema[name], inner_path)
    return parsed


def _scalar(value: Any, kind: type, path: str) -> Any:
    if kind is int and isinstance(value, str) and re.fullmatch(r"-?\d{1,18}", value):
        return int(value)  # int64 travels as a string
    fine = isinstance(value, (int, float) if kind is float else kind)
    if not fine or (isinstance(value, bool) and kind is not bool):
        raise _wrong(path, value)
    if isinstance(value, str) and re.search("[\ud800-\udfff]", value):
        raise _wrong(path, value)  # half a surrogate pair is no Unicode text
    return value


def _wrong(path: str, value: Any) -> bodies.Refusal:
    shown = json.dumps(value)[:60]
    where = path or "the request"
    return bodies.invalid_field(path, f"Invalid value at '{where}', {shown}")


def snake(name: str) -> str:
    """``newMediaItems`` as ``new_media_items``."""
    return re.sub(r"([A-Z])", lambda match: "_" + match[1].lower(), name)


def without_defaults(values: Mapping[str, Any]) -> dict[str, Any]:
    """Proto3 JSON leaves out 0, false and empty; int64 must already be strings."""
    return {name: value for name, value in values.items() if value not in (None, "", "0", 0, False)}


def masked(value: Any, fields: str, schema: Schema) -> Any:
    """``value`` reduced to what the ``fields`` parameter asks for.

    Raises:
        Refusal: 400: the mask does not parse or names a field that is not there.
    """
    if not fields or fields == "*":
        return value
    tree = _parse_mask(fields)
    _check_mask(tree, schema, fields)
    return _apply_mask(value, tree)


def _parse_mask(fields: str) -> dict[str, Any]:
    tokens = re.findall(r"[A-Za-z0-9_*]+|[(),/.]", re.sub(r"\s", "", fields))
    if "".join(tokens) != re.sub(r"\s", "", fields):
        raise bodies.invalid_mask(fields, fields)
    tree, rest = _mask_level(tokens, fields)
    if rest:
        raise bodies.invalid_mask(fields, fields)
    return tree


def _mask_level(tokens: list[str], fields: str) -> tuple[dict[str, Any], list[str]]:
    tree: dict[str, Any] = {}
    while True:
        branch, tokens = _mask_path(tokens, fields)
        _graft(tree, branch)
        if not tokens or tokens[0] != ",":
            return tree, tokens
        tokens = tokens[1:]


def _mask_path(tokens: list[str], fields: str) -> tuple[dict[str, Any], list[str]]:
    if not tokens or tokens[0] in set("(),/."):
        raise bodies.invalid_mask(fields, fields)
    name, rest = tokens[0], tokens[1:]
    inner: dict[str, Any] = {}
    if rest and rest[0] in {"/", "."}:
        inner, rest = _mask_path(rest[1:], fields)
    elif rest and rest[0] == "(":
        inner, rest = _mask_level(rest[1:], fields)
        if not rest or rest[0] != ")":
            raise bodies.invalid_mask(fields, fields)
        rest = rest[1:]
    return {name: inner}, rest


def _graft(tree: dict[str, Any], branch: dict[str, Any]) -> None:
    for name, inner in branch.items():
        if name in tree and tree[name] and inner:
            _graft(tree[name], inner)
        else:
            tree[name] = {} if name in tree else inner


def _check_mask(tree: dict[str, Any], schema: Schema, fields: str, above: str = "") -> None:
    level = schema[0] if isinstance(schema, list) else schema
    for name, inner in tree.items():
        path = f"{above}.{name}" if above else name
        if name == "*" and isinstance(level, dict):
            continue
        camel = re.sub(r"_([a-z])", lambda match: match[1].upper(), name)
        if not isinstance(level, dict) or camel not in level:
            raise bodies.invalid_mask(fields, path)
        _check_mask(inner, level[camel], fields, path)


def _apply_mask(value: Any, tree: dict[str, Any]) -> Any:
    if not tree or "*" in tree:
        return value
    if isinstance(value, list):
        return [_apply_mask(each, tree) for each in value]
    names = {re.sub(r"_([a-z])", lambda m: m[1].upper(), name): tree[name] for name in tree}
    return {name: _apply_mask(value[name], names[name]) for name in value if name in names}
