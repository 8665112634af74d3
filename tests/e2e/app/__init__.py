"""The shopper's app in a real browser that behaves as a phone, against a real shop."""
