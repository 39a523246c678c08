"""Phones over adb: who is there, what lies on them, and the bytes of it."""
