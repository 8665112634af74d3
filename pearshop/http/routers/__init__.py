"""Routers, a file per noun."""
