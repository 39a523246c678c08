"""The permissions that photosync asks for, and nothing more (google-photos-api.md §1.1)."""

from __future__ import annotations

APPEND = "https://www.googleapis.com/auth/photoslibrary.appendonly"
READ_OWN = "https://www.googleapis.com/auth/photoslibrary.readonly.appcreateddata"
WANTED = (APPEND, READ_OWN)
