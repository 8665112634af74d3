"""`pearshop doctor`: what endangers a shop, and what to do about it."""
