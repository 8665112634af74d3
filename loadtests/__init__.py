"""Load on a running shop, and the audits that follow it."""
