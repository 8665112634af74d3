"""Start, stop and inspect a local shop: the state folder and the processes behind it."""
