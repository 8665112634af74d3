"""The staff admin: HTML from the server, forms that work without scripts."""
