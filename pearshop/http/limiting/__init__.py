"""How much one address, one user and one username may ask of the shop. Why so: ADR 0013."""
