"""What requests cost, and what a load of a size therefore needs."""
