"""Users of the shop, as locust plays them."""
