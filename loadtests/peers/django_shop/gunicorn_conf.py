"""gunicorn: workers with threads, for those keep connections alive and sync workers do not."""

from loadtests.peers.sizes import GUNICORN_THREADS, GUNICORN_WORKERS

workers = GUNICORN_WORKERS
worker_class = "gthread"
threads = GUNICORN_THREADS
keepalive = 5
preload_app = True
control_socket_disable = True
