"""How the shop is seen from outside: metrics, log lines, and traces of requests."""
