"""Events told to whoever subscribed: addresses, messages, when to try again, and the sending."""
