"""The disk: scanning, opening, hashing, watching."""
