"""How many processes, threads and connections each peer gets on this machine."""

import os

CORES = len(os.sched_getaffinity(0))

GUNICORN_WORKERS = min(2 * CORES + 1, 12)
"""What gunicorn's documentation advises, and the most that it says a shop needs."""
GUNICORN_THREADS = 4
"""Of each worker. Each has a connection of its own to the database."""

UVICORN_WORKERS = CORES
UVICORN_CONNECTIONS = max(1, GUNICORN_WORKERS * GUNICORN_THREADS // UVICORN_WORKERS)
"""Of each worker: together as many as the other peer has."""
