"""Images: what becomes of an upload, and where it is kept."""
