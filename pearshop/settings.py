"""Settings, read once from `PEARSHOP_*` environment variables."""

from functools import lru_cache
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

MIN_SIGNING_KEY_BYTES = 32


def sqlalchemy_url(url: str) -> str:
    """Rewrite a plain PostgreSQL URL to the psycopg 2 dialect.

    SQLAlchemy 2.1 takes `postgresql://` for psycopg 3; operators write the plain form.
    """
    for prefix in ("postgresql://", "postgres://"):
        if url.startswith(prefix):
            return "postgresql+psycopg2://" + url.removeprefix(prefix)
    return url


def _sqlalchemy_urls(urls: str) -> str:
    return ",".join(map(sqlalchemy_url, _listed(urls)))


def rate_limit(text: str) -> str:
    """Return a rate limit as it is. Raises `ValueError` for what is none."""
    from limits import parse_many

    try:
        [item] = parse_many(text)
    except ValueError:
        item = None
    if item is None or item.amount < 1:
        raise ValueError(f"{text!r} is no limit: write it like 30/minute or 5 per 10 seconds.")
    return text


def networks(text: str) -> str:
    """Return a list of networks as it is. Raises `ValueError` that names what is none."""
    for each in _listed(text):
        ip_network(each)
    return text


def host_names(text: str) -> str:
    """Return a list of host names in lower case. Raises `ValueError` that names what is none."""
    names = _listed(text.lower())
    for name in names:
        if name != "*" and set(name.removeprefix("*.")) & set("*/:@ "):
            raise ValueError(f"{name!r} is no name: write it like shop.example or *.shop.example.")
    return ",".join(names)


def origins(text: str) -> str:
    """Return a list of origins in lower case. Raises `ValueError` that names what is none."""
    listed = _listed(text.lower())
    for origin in listed:
        scheme, _, host = origin.partition("://")
        if scheme not in {"http", "https"} or not host or set(host) & set("/?#@* "):
            raise ValueError(f"{origin!r} is no origin: write it like https://admin.example.")
    return ",".join(listed)


def store_place(text: str) -> str:
    """Return the place of a store as it is. Raises `ValueError` for a relative path."""
    if text and "://" not in text and not Path(text).is_absolute():
        raise ValueError(f"{text!r} is relative: write the whole path, from the root on.")
    return text


def url_prefix(text: str) -> str:
    """Return a URL without the slash at its end. Raises `ValueError` for what is none."""
    parts = urlsplit(text)
    if text and (
        parts.scheme not in {"http", "https"} or not parts.netloc or set(text) & set("?# ")
    ):
        raise ValueError(f"{text!r} is no URL: write it like https://cdn.example/media.")
    return text.rstrip("/")


def _listed(text: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in text.split(",") if each.strip())


RateLimit = Annotated[str, AfterValidator(rate_limit)]
DatabaseUrl = Annotated[str, AfterValidator(sqlalchemy_url)]
DatabaseUrls = Annotated[str, AfterValidator(_sqlalchemy_urls)]


class Settings(BaseSettings):
    """Everything that can be configured, with its default.

    Each field is the environment variable `PEARSHOP_<FIELD>`; the README's table is checked
    against this class by a test.
    """

    model_config = SettingsConfigDict(env_prefix="PEARSHOP_", frozen=True)

    database_url: DatabaseUrl = Field(
        default="", description="PostgreSQL URL. Empty: `pearshop up` starts an embedded server."
    )
    redis_url: str = Field(
        default="", description="Redis URL. Empty: `pearshop up` starts an embedded server."
    )
    signing_key: SecretStr = Field(
        default=SecretStr(""),
        description="Key that signs tokens, at least 32 bytes. `pearshop up` makes one.",
    )
    staff_password: SecretStr = Field(
        default=SecretStr(""), description="Password of the first staff account (`pearshop up`)."
    )
    currency: str = Field(default="NGN", pattern="^[A-Z]{3}$", description="ISO 4217 code.")
    currency_exponent: int = Field(
        default=0, ge=0, le=4, description="Decimals of a price: 0 for whole naira, 2 for pence."
    )
    database_pool_size: int = Field(
        default=8, ge=1, le=64, description="Connections of one `Database` replica."
    )
    database_pool_timeout: float = Field(
        default=2.0, gt=0, description="Seconds to wait for a free connection."
    )
    database_statement_timeout: float = Field(
        default=4.0, gt=0, description="Seconds that one SQL statement may take."
    )
    database_replica_urls: DatabaseUrls = Field(
        default="", description="PostgreSQL URLs of read replicas, separated by commas."
    )
    database_replica_lag: float = Field(
        default=1.0,
        ge=0.2,
        le=2.0,
        description="Seconds; a replica not known to be this close to its primary is left out.",
    )
    request_timeout: float = Field(
        default=5.0, gt=0, description="Seconds until a waiting client gets 503."
    )
    max_body_bytes: int = Field(
        default=1_048_576, ge=1024, description="Largest request body accepted, in bytes."
    )
    max_image_bytes: int = Field(
        default=8_388_608, ge=1024, description="Largest image accepted, in bytes."
    )
    media_url: Annotated[str, AfterValidator(store_place)] = Field(
        default="",
        description="Where images are kept: a folder, or a URL that fsspec knows, "
        "`s3://bucket/images` for one. Empty: the folder `media` of the state folder.",
    )
    media_public_url: Annotated[str, AfterValidator(url_prefix)] = Field(
        default="",
        description="What addresses of images begin with, `https://cdn.example/media` for one. "
        "Empty: the host that the upload was sent to, and `/api/media`.",
    )
    cart_idle_seconds: float = Field(
        default=900.0, gt=0, description="A cart untouched this long leaves memory."
    )
    cart_hot_limit: int = Field(
        default=100_000, ge=1, description="Hot carts that one cart host keeps."
    )
    cart_mailbox_limit: int = Field(
        default=64, ge=1, description="Commands that may wait for one cart."
    )
    release: str = Field(
        default="",
        description="Any text; another one, set in `runtime_env`, rolls the shop over to new code.",
    )
    password_hashes: int = Field(
        default=2, ge=1, description="Password hashes that one `Api` replica computes at once."
    )
    catalogue_memory_seconds: float = Field(
        default=5.0,
        ge=0,
        description="Seconds that an `Api` replica trusts what it remembers; twelve times as long "
        "while notices come in.",
    )
    catalogue_stale_seconds: float = Field(
        default=30.0,
        ge=0,
        description="Seconds more that it shows it while a newer one is fetched.",
    )
    catalogue_shared_seconds: float = Field(
        default=60.0, gt=0, description="Seconds that Redis keeps products and pages."
    )
    catalogue_public_seconds: int = Field(
        default=3,
        ge=0,
        le=3600,
        description="Seconds that browsers and edges may keep the catalogue, at most.",
    )
    rate_limits: bool = Field(
        default=True, description="`off` turns off every limit on requests, for load tests."
    )
    rate_limit_address: RateLimit = Field(
        default="3000/minute", description="Requests of one client address."
    )
    rate_limit_user: RateLimit = Field(
        default="1200/minute", description="Requests of one signed-in user."
    )
    rate_limit_sign_in: RateLimit = Field(
        default="30/minute",
        description="Sign-ins, token refreshes and changes of password of one client address.",
    )
    rate_limit_register: RateLimit = Field(
        default="30/minute", description="Registrations of one client address."
    )
    trusted_proxies: Annotated[str, AfterValidator(networks)] = Field(
        default="127.0.0.0/8,::1/128",
        description="Networks whose `X-Forwarded-For` is believed, separated by commas.",
    )
    allowed_hosts: Annotated[str, AfterValidator(host_names)] = Field(
        default="",
        description="Names that the shop goes by, separated by commas: `shop.example`, "
        "`*.shop.example`, `*` for any. Addresses, `localhost` and the machine's name always do.",
    )
    cors_origins: Annotated[str, AfterValidator(origins)] = Field(
        default="",
        description="Origins whose pages may call the API, separated by commas: "
        "`https://admin.example`.",
    )
    keep_keys_days: int = Field(
        default=7,
        ge=1,
        le=3650,
        description="Days that the `Idempotency-Key` of a cart command is known; that of an order "
        "is for good.",
    )
    keep_events_days: int = Field(
        default=30,
        ge=3,
        le=3650,
        description="Days that events, and the log of telling webhooks of them, stay when all is "
        "told.",
    )
    webhook_private_addresses: bool = Field(
        default=False,
        description="`on` lets webhooks lead to this machine and into its network.",
    )

    log_requests: Literal["slow", "all"] = Field(
        default="slow",
        description="`slow` logs requests that failed or took a second, `all` every one.",
    )
    api_url: str = Field(
        default="http://127.0.0.1:8000",
        pattern="^https?://",
        description="Where the staff admin finds the API; `pearshop up` tells it its own.",
    )

    @property
    def replica_urls(self) -> tuple[str, ...]:
        """The URLs of the read replicas, one each."""
        return _listed(self.database_replica_urls)

    @property
    def host_names(self) -> tuple[str, ...]:
        """The names that the shop may be asked by, one each."""
        return _listed(self.allowed_hosts)

    @property
    def origins(self) -> tuple[str, ...]:
        """The origins whose pages may call the API, one each."""
        return _listed(self.cors_origins)


@lru_cache(maxsize=1)
def settings() -> Settings:
    """Return this process's settings. Raises `pydantic.ValidationError` for bad values."""
    return Settings()
