"""A shop on a local cluster that scales by itself, under a load that comes and goes."""
