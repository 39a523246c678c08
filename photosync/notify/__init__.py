"""Telling people: notices through apprise, and signs of life to a watching service."""
