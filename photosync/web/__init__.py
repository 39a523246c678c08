"""HTTP for people and their monitoring, on this machine alone."""
