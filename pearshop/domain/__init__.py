"""Pure decisions: what a cart, a stock ledger or an order decides. Standard library only."""
