"""A LevelDB that goleveldb made, the program that made it, and a writer of small ones."""
