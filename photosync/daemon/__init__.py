"""Threads: workers, the supervisor, the lock."""
