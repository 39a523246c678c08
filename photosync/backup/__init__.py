"""The second copy: where it lies (fsspec), and how it is sealed (age)."""
