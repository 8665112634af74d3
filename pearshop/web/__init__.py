"""Clients of the shop that browsers show."""
