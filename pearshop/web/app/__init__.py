"""The shopper's app: files that a browser runs, and what serves them."""
