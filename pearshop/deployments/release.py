"""What makes one release of the shop differ from another: the code and the settings."""

import hashlib
from pathlib import Path

import pearshop
from pearshop.settings import Settings


def release_of(settings: Settings) -> str:
    """Return a short name of this code with these settings; what differs has another name."""
    digest = hashlib.blake2b(digest_size=4)
    package = Path(pearshop.__file__).parent
    for file in sorted(package.rglob("*.py")):
        digest.update(file.relative_to(package).as_posix().encode())
        digest.update(file.read_bytes())
    for name, value in sorted(settings):
        secret = getattr(value, "get_secret_value", None)
        digest.update(f"{name}={secret() if secret else value}\n".encode())
    return digest.hexdigest()
