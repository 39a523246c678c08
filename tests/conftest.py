"""What holds for every test."""

from __future__ import annotations

from hypothesis import settings

# no test is about time: machines are shared and noisy
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
