"""SQLite: the queue and everything else that outlives the process. SQL stands only here."""
