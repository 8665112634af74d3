"""The benchmark: the shop beside the floor, Django and FastAPI, in turn within one run."""
