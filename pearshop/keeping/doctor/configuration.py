"""Settings and secrets."""

import stat
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from pathlib import Path
from urllib.parse import urlsplit

from pearshop.domain.user import check_password
from pearshop.errors import ConfigurationError, Invalid
from pearshop.http.media.store import Store
from pearshop.keeping.doctor.finding import Finding, fail, ok, warn
from pearshop.launcher.shop import STAFF_USERNAME
from pearshop.settings import MIN_SIGNING_KEY_BYTES, Settings

DISTINCT = 10
"""Fewer different characters than this make no key."""
KNOWN = ("changeme", "change-me", "secret", "example", "password", "default")
NEW_KEY = 'python3 -c "import secrets; print(secrets.token_urlsafe(32))"'
SECRETS = ("signing-key", "staff-password", "run.json", "up.log", "postgres/password")
WIDE = 2**24
"""Addresses; a network of as many or more, that is not private, is no edge."""


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine, as seen from itself alone."""
    try:
        return host in {"", "localhost"} or ip_address(host).is_loopback
    except ValueError:
        return False


def judge_settings(settings: Settings, state: Path, api_host: str) -> Iterator[Finding]:
    """Yield what is to be said of the settings. `api_host`: where the shop listens, if it does."""
    yield _signing_key(settings, state)
    yield _staff_password(settings, state)
    yield from _files(state)
    yield _allowed_hosts(settings, public=not is_loopback(api_host))
    yield _trusted_proxies(settings)
    if settings.rate_limits:
        yield ok("rate limits", "on")
    else:
        yield warn("rate limits", "off", "unset PEARSHOP_RATE_LIMITS: off is for load tests.")
    if settings.webhook_private_addresses:
        yield warn(
            "webhooks",
            "may lead into this network",
            "unset PEARSHOP_WEBHOOK_PRIVATE_ADDRESSES unless owners are to reach it.",
        )
    yield _media(settings)
    yield from _servers(settings)


def _signing_key(settings: Settings, state: Path) -> Finding:
    name, key = "signing key", settings.signing_key.get_secret_value()
    file = state / "signing-key"
    if not key:
        if not file.exists():
            return ok(name, "none yet: `pearshop up` makes one")
        key = file.read_text().strip()
    advice = f"set PEARSHOP_SIGNING_KEY to what {NEW_KEY} prints, the same on every node."
    if len(key.encode()) < MIN_SIGNING_KEY_BYTES:
        return fail(name, f"shorter than {MIN_SIGNING_KEY_BYTES} bytes", advice)
    if len(set(key)) < DISTINCT or any(word in key.casefold() for word in KNOWN):
        return fail(name, "easy to guess: whoever does is staff", advice)
    return ok(name, f"{len(key.encode())} bytes")


def _staff_password(settings: Settings, state: Path) -> Finding:
    name, password = "staff password", settings.staff_password.get_secret_value()
    if password:
        try:
            check_password(password, STAFF_USERNAME)
        except Invalid as error:
            return fail(name, f"weak: {error}", "set another PEARSHOP_STAFF_PASSWORD.")
        return ok(name, "of PEARSHOP_STAFF_PASSWORD")
    if (state / "staff-password").exists():
        return warn(
            name,
            "the one that `pearshop up` made and prints at each start",
            "set PEARSHOP_STAFF_PASSWORD, and remove the file and up.log.",
        )
    return ok(name, "none yet: `pearshop up` makes one")


def _files(state: Path) -> Iterator[Finding]:
    open_ones = [
        each
        for each in SECRETS
        if (state / each).exists() and stat.S_IMODE((state / each).stat().st_mode) & 0o077
    ]
    if open_ones:
        yield fail(
            "secrets' files",
            f"other users can read {', '.join(open_ones)} in {state}",
            f"run `chmod 600` on {' '.join(str(state / each) for each in open_ones)}, and change "
            "what was in them.",
        )
    elif state.exists():
        yield ok("secrets' files", "for their owner only")


def _allowed_hosts(settings: Settings, *, public: bool) -> Finding:
    name, hosts = "allowed hosts", settings.host_names
    advice = "set PEARSHOP_ALLOWED_HOSTS to the names that the shop goes by."
    if "*" in hosts:
        return warn(name, "any name: a page may make itself look like the shop's own", advice)
    if not hosts and public:
        return warn(name, "none but addresses, while others reach the shop", advice)
    return ok(name, ", ".join(hosts) or "addresses, localhost, the machine's name")


def _trusted_proxies(settings: Settings) -> Finding:
    name = "trusted proxies"
    networks = [ip_network(each.strip()) for each in settings.trusted_proxies.split(",") if each]
    for each in networks:
        if each.prefixlen == 0:
            return fail(
                name,
                f"{each} is everybody: any client chooses the address that its limits count",
                "name the edge's own network in PEARSHOP_TRUSTED_PROXIES.",
            )
    for each in networks:
        if not each.is_private and each.num_addresses >= WIDE:
            return warn(name, f"{each} is wide", "name the edge's own addresses only.")
    return ok(name, settings.trusted_proxies or "none")


def _media(settings: Settings) -> Finding:
    try:
        if settings.media_url:
            Store(settings.media_url)
    except ConfigurationError as error:
        return fail("images", str(error), "see docs/images.md.")
    return ok("images", settings.media_url or "the state folder's `media`")


def _servers(settings: Settings) -> Iterator[Finding]:
    for name, url, variable in (
        ("PostgreSQL's password", settings.database_url, "PEARSHOP_DATABASE_URL"),
        ("Redis's password", settings.redis_url, "PEARSHOP_REDIS_URL"),
    ):
        parts = urlsplit(url)
        host, password = parts.hostname or "", parts.password or ""
        if not url or is_loopback(host):
            continue
        if password.casefold() in {"", (parts.username or "").casefold(), *KNOWN, "postgres"}:
            yield fail(
                name,
                f"none, or easy to guess, at {host}",
                f"set another there and in {variable} (a client certificate needs none: then "
                "leave it).",
            )
        else:
            yield ok(name, f"set, at {host}")
