"""What browsers need, and what keeps other people's pages from using them against the shop."""
