"""Settings: a database and a key from the environment, and only the parts that are used."""

import os

from psycopg.conninfo import conninfo_to_dict

from loadtests.peers.sizes import GUNICORN_THREADS

SECRET_KEY = os.environ["PEER_SIGNING_KEY"]
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
ROOT_URLCONF = "loadtests.peers.django_shop.urls"
MIDDLEWARE: list[str] = []
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.postgres",
    "rest_framework",
    "loadtests.peers.django_shop",
]
# All tables at once, by `migrate --run-syncdb`.
MIGRATION_MODULES = {"auth": None, "contenttypes": None}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False

_database = conninfo_to_dict(os.environ["PEER_DATABASE_URL"])
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _database["dbname"],
        "USER": _database["user"],
        "PASSWORD": _database.get("password", ""),
        "HOST": _database.get("host", ""),
        "PORT": _database.get("port", ""),
        "OPTIONS": {
            "pool": {"min_size": GUNICORN_THREADS, "max_size": GUNICORN_THREADS, "timeout": 10}
        },
    }
}

REST_FRAMEWORK = {
    # The token names its shopper, so no query looks one up.
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework_simplejwt.authentication.JWTStatelessUserAuthentication"
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PAGINATION_CLASS": "loadtests.peers.django_shop.pages.Pages",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "EXCEPTION_HANDLER": "loadtests.peers.django_shop.refusals.with_detail",
    "UNAUTHENTICATED_USER": None,
}
SIMPLE_JWT = {"ALGORITHM": "HS256", "SIGNING_KEY": SECRET_KEY}
