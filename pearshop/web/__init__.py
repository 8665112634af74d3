"""Web clients of the API: they know the shop by `pearshop.client` alone."""
