"""The layers of the catalogue's cache: a replica's memory, Redis, and what they are told."""
