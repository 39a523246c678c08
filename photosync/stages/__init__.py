"""One move of an item each: no thread, no SQL, no HTTP."""
