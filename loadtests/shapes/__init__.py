"""How many users there are, over time: each file is given to locust beside `locustfile.py`."""
