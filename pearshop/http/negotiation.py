"""What a request says of the answer it wants: compressed, or only if it is new."""

import re

GZIP = re.compile(r"(?:^|[\s,])gzip\s*(?:$|,|;(?!\s*q=0(?:\.0*)?\s*(?:$|,)))")
TAGS = re.compile(r'(?:W/)?"([\x21\x23-\x7e\x80-\xff]*)"\s*(?:,\s*|$)')


def takes_gzip(accept_encoding: str | None) -> bool:
    """Return whether an `Accept-Encoding` allows gzip."""
    return accept_encoding is not None and GZIP.search(accept_encoding) is not None


def is_known(if_none_match: str | None, tag: str) -> bool:
    """Return whether an `If-None-Match` names this tag, weak or not."""
    if if_none_match is None:
        return False
    return if_none_match.strip() == "*" or tag.removeprefix("W/") in tags(if_none_match)


def tags(header: str) -> set[str]:
    """Return the entity tags that a header lists, in their quotes, without regard to weakness."""
    return {f'"{tag}"' for tag in TAGS.findall(header)}
