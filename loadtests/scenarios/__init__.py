"""Scenarios: what a shop does as a whole, held against its targets.

`uv run python -m loadtests.scenarios [NAME ...]` runs all, or those named. Each is a module with
one public function `measure(options)`; it starts a shop of its own.
"""
