"""photosync: photos off the phone, into Google Photos and onto your own disk."""

__version__ = "0.1.0"
