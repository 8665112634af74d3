"""The app's files as they are served: each under a name that has a digest of its content.

Nothing is built: the modules in `static` are served as they are, but for the names by which they
import each other. A file whose content, or whose imports' content, changes gets another name, so
whatever has a name may be kept for good.
"""

import hashlib
import json
import posixpath
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent / "static"
PREFIX = "/assets/app/"
PAGE, WORKER = "index.html", "sw.js"
"""Their addresses stay, so they are asked for anew each time."""
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
IMPORT = re.compile(r"""((?:\bfrom|\bimport\(?)\s*")(\.{1,2}/[^"]+)(")""")
AT_ONCE = re.compile(r'\bfrom "(\.{1,2}/[^"]+)"')
LINK = re.compile(
    r"""("(?:src|href)":\s*"|(?:src|href)=")([\w./-]+\.(?:css|js|png|svg|webmanifest))(")"""
)


class File(NamedTuple):
    """Something to be served."""

    path: str
    kind: str
    content: bytes


class Bundle(NamedTuple):
    """All that is served: the page, its service worker, and the files that never change."""

    page: File
    worker: File
    files: tuple[File, ...]


def read(folder: Path = FOLDER) -> Bundle:
    """Return the app in a folder.

    Raises `ValueError` where modules import each other in a circle, or what is not there.
    """
    texts = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.suffix in TYPES
    }
    wanted = {name: _wanted(name, content) for name, content in texts.items()}
    if missing := {each for names in wanted.values() for each in names} - texts.keys():
        raise ValueError(f"The app has no {', '.join(sorted(missing))}.")
    try:
        order = list(TopologicalSorter(wanted).static_order())
    except CycleError as error:
        raise ValueError(f"Modules import each other in a circle: {error.args[1]}") from None
    named: dict[str, File] = {}
    for name in order:
        if name not in {PAGE, WORKER}:
            named[name] = _named(name, _renamed(name, texts[name], named))
    page = _renamed(PAGE, texts[PAGE].replace(b"</head>", _preloads(texts) + b"</head>"), named)
    files = tuple(named.values())
    shell = json.dumps(["/", *(each.path for each in files)])
    version = hashlib.sha256(page + shell.encode()).hexdigest()[:12]
    head = f'self.SHELL = {shell};\nself.VERSION = "{version}";\n'
    return Bundle(
        File("/", TYPES[".html"], page),
        File(f"/{WORKER}", TYPES[".js"], head.encode() + texts[WORKER]),
        files,
    )


def _preloads(texts: dict[str, bytes]) -> bytes:
    """Return links to all modules that the page needs at once, or each would tell of the next."""
    found: list[str] = []
    coming = [name for name in sorted(_wanted(PAGE, texts[PAGE])) if name.endswith(".js")]
    while coming:
        name = coming.pop(0)
        if name not in found:
            found.append(name)
            coming += [_at(name, each[1]) for each in AT_ONCE.finditer(texts[name].decode())]
    return "".join(f'<link rel="modulepreload" href="{each}">\n' for each in found).encode()


def _wanted(name: str, content: bytes) -> set[str]:
    """Return the files that one names."""
    if Path(name).suffix not in {".js", ".html", ".webmanifest"}:
        return set()
    pattern = IMPORT if name.endswith(".js") else LINK
    return {_at(name, found[2]) for found in pattern.finditer(content.decode())}


def _renamed(name: str, content: bytes, named: dict[str, File]) -> bytes:
    """Return a file that names the others as they are called now."""
    if Path(name).suffix not in {".js", ".html", ".webmanifest"}:
        return content
    pattern = IMPORT if name.endswith(".js") else LINK
    return pattern.sub(
        lambda found: f"{found[1]}{named[_at(name, found[2])].path}{found[3]}", content.decode()
    ).encode()


def _at(name: str, link: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), link))


def _named(name: str, content: bytes) -> File:
    stem, suffix = posixpath.splitext(name)
    digest = hashlib.sha256(content).hexdigest()[:12]
    return File(f"{PREFIX}{stem}.{digest}{suffix}", TYPES[suffix], content)
