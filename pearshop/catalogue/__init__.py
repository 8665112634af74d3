"""The catalogue in bulk: files of products in and out, and the demo catalogue."""
