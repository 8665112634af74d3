"""Headers that keep browsers from taking an answer for what it is not.

Answers of the API are data: nothing in them is to be run, loaded or framed. Pages have a policy
that names what they are made of.
"""

import base64
import hashlib
import re

NOSNIFF = (b"x-content-type-options", b"nosniff")
POLICY = b"content-security-policy"
DATA = (NOSNIFF, (POLICY, b"default-src 'none'; frame-ancestors 'none'"))
"""Headers of an answer that is no page."""
INLINE_SCRIPT = re.compile(r"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)


def page_policies(html: str) -> dict[str, str]:
    """Return headers for a page that loads from the shop alone, and runs just the scripts in it."""
    hashes = " ".join(f"'sha256-{_sha256(each)}'" for each in INLINE_SCRIPT.findall(html))
    return {
        "Content-Security-Policy": (
            f"default-src 'none'; script-src 'self' {hashes}; style-src 'self' 'unsafe-inline'; "
            "img-src 'self' data:; font-src 'self'; connect-src 'self'; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Referrer-Policy": "same-origin",
    }


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
