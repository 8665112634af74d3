"""PearShop: an e-commerce backend on Ray."""

__version__ = "0.1.0"
