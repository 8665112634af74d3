"""Where a replica's log lines go."""

import logging

SERVE = "ray.serve"


def write_to_serves_log() -> None:
    """Have this package's lines written to the replica's log file.

    Serve takes a replica's standard error for lines of no importance and drops them.
    """
    logging.getLogger("pearshop").parent = logging.getLogger(SERVE)
