"""A strict, offline stand-in for Google's sign-in and Photos Library API.

It imports nothing of photosync, so that one misreading of the API cannot sit on both sides and
cancel out. ``server.Emulator`` runs it in a thread; ``python -m photosync.emulator`` alone.
"""
