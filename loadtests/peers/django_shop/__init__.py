"""The shop on Django and REST framework."""
