"""Pydantic models of the wire and the functions that render domain values, a file per noun."""
