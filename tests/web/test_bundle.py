"""The app's files: names that tell their content, and how much a first view weighs."""

import gzip
import re
from pathlib import Path

import pytest

from pearshop.web.app import bundle

MOST = 60 * 1024
"""Bytes of script and style, compressed, that the first view of the shop may load."""


def write(folder: Path, **texts: str) -> Path:
    for name, text in {"index": '<script src="main.js">', "sw": "work()", **texts}.items():
        suffix = {"index": "html", "app": "css"}.get(name, "js")
        (folder / f"{name}.{suffix}").write_text(text)
    return folder


def names(folder: Path) -> dict[str, str]:
    made = bundle.read(folder)
    return {re.sub(r"\.[0-9a-f]{12}", "", each.path): each.path for each in made.files}


def test_a_change_renames_a_module_and_whoever_imports_it(tmp_path: Path) -> None:
    texts = {"main": 'import { a } from "./part.js";', "part": "1", "other": "2"}
    before = names(write(tmp_path, **texts))
    made = bundle.read(tmp_path)
    main = next(each for each in made.files if "/main." in each.path)
    assert before["/assets/app/part.js"].encode() in main.content
    assert before["/assets/app/main.js"].encode() in made.page.content
    after = names(write(tmp_path, **texts | {"part": "3"}))
    assert before["/assets/app/other.js"] == after["/assets/app/other.js"]
    for name in ("/assets/app/part.js", "/assets/app/main.js"):
        assert before[name] != after[name]
    assert bundle.read(tmp_path).worker.content != made.worker.content


def test_what_is_loaded_later_is_named_too(tmp_path: Path) -> None:
    write(tmp_path, main='const view = await import("./part.js")', part="1")
    [main] = [each for each in bundle.read(tmp_path).files if "/main." in each.path]
    assert names(tmp_path)["/assets/app/part.js"].encode() in main.content


def test_circles_and_what_is_missing_are_found_at_once(tmp_path: Path) -> None:
    write(tmp_path, main='import "./part.js"', part='import "./main.js"')
    with pytest.raises(ValueError, match="circle"):
        bundle.read(tmp_path)
    write(tmp_path, main='import "./gone.js"', part="")
    with pytest.raises(ValueError, match=r"gone\.js"):
        bundle.read(tmp_path)


def test_the_first_view_is_light() -> None:
    made = bundle.read()
    weighed = [each for each in made.files if each.path.endswith((".js", ".css"))]
    assert 0 < sum(len(gzip.compress(each.content, 9)) for each in weighed) <= MOST


def test_nothing_comes_from_elsewhere() -> None:
    made = bundle.read()
    for each in (made.page, made.worker, *made.files):
        if not each.path.endswith(".png"):
            found = re.findall(r"(?:https?:)?//[\w.-]+\.\w+", each.content.decode())
            assert set(found) <= {"http://www.w3.org"}, each.path
