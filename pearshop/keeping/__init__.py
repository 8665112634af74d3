"""Keeping a shop: backup, restore, and a look at what endangers it."""
