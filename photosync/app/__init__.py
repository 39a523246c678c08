"""Puts the parts together: the only floor that knows every class."""
