"""Reading product files of every kind."""

import gzip
from pathlib import Path

import pytest

from pearshop.catalogue.files import RawRow, open_products
from pearshop.catalogue.rows import Refusal
from pearshop.errors import ConfigurationError

CSV = b"sku,name,price\n1,Globe,0.85\n"
GLOBE = {"sku": "1", "name": "Globe", "price": "0.85"}


def rows(tmp_path: Path, content: bytes) -> list[RawRow]:
    path = tmp_path / "products"
    path.write_bytes(content)
    with open_products(path) as file:
        found = list(file.rows)
        assert file.done() == file.size == len(content)
    return found


def codes(found: list[RawRow]) -> list[tuple[int, str]]:
    return [(row.line, row.values.code if isinstance(row.values, Refusal) else "") for row in found]


def problem(tmp_path: Path, content: bytes) -> str:
    with pytest.raises(ConfigurationError) as caught:
        rows(tmp_path, content)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        CSV,
        b"\xef\xbb\xbf" + CSV,
        b"\n\n" + CSV,
        CSV.replace(b"\n", b"\r\n"),
        CSV.rstrip(),
        b"SKU, Name ,PRICE\n1,Globe,0.85\n",
        b'{"sku": "1", "name": "Globe", "price": "0.85"}\n',
        b'\xef\xbb\xbf{"sku": 1, "name": "Globe", "price": 0.85}',
    ],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_the_kind_is_told_by_content(tmp_path: Path, content: bytes, pack: type[bytes]) -> None:
    (row,) = rows(tmp_path, pack(content))
    assert row.values == GLOBE


def test_lines_are_those_of_the_file(tmp_path: Path) -> None:
    content = b'name,price,description\nA,1,"two\nlines"\n\nB,2,\n"C,3,x\n'
    found = rows(tmp_path, content)
    assert codes(found) == [(2, ""), (5, ""), (6, "columns")]
    assert found[0].values == {"name": "A", "price": "1", "description": "two\nlines"}


def test_a_row_of_another_width_is_refused_alone(tmp_path: Path) -> None:
    found = rows(tmp_path, b"name,price\nA\nB,1,2\nC,3\n")
    assert codes(found) == [(2, "columns"), (3, "columns"), (4, "")]


@pytest.mark.parametrize("header", [b"name,price\n", b'{"name": "A", "price": 1}\n'])
def test_a_row_that_is_not_utf8_is_refused_alone(tmp_path: Path, header: bytes) -> None:
    good = b"B,1\n" if header.startswith(b"name") else header
    found = rows(tmp_path, header + b"Caf\xe9,1\n" + good)
    assert [code for _, code in codes(found)][-2:] == ["not_utf8", ""]
    assert found[-1].line == 3


def test_bad_json_lines_are_refused_alone(tmp_path: Path) -> None:
    bad = [b"{", b"7", b'{"name": true}', b'{"name": {}}', b"[" * 100_000, b'{"a": 1} {"b": 2}']
    found = rows(tmp_path, b'{"name": "A", "price": 1}\n' + b"\n".join(bad) + b"\n\n{}\n")
    assert codes(found) == [(1, ""), *((line, "json") for line in range(2, 8)), (9, "")]


def test_json_numbers_keep_their_text_and_null_is_empty(tmp_path: Path) -> None:
    (row,) = rows(tmp_path, b'{"price": 0.10, "stock": null, "sku": 12345678901234567890}')
    assert row.values == {"price": "0.10", "stock": "", "sku": "12345678901234567890"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (b"sku,name\n1,A\n", "no column price"),
        (b"name,price,colour\n", "unknown column 'colour'"),
        (b"name;price\n", "unknown column 'name;price'"),
        (b"name,price,price\n", "a column twice"),
        (b'[{"name": "A"}]', "JSON array"),
        ("name,price\n".encode("utf-16"), "UTF-8"),
        (b"\x89PNG\r\n", "UTF-8"),
        (gzip.compress(CSV)[:-9], "damaged"),
        (b"\x1f\x8bno gzip", "damaged"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(tmp_path: Path, content: bytes, says: str) -> None:
    assert says in problem(tmp_path, content)


def test_a_missing_file_and_a_folder_say_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no file"), open_products(tmp_path / "none"):
        pass
    with pytest.raises(ConfigurationError, match="directory"), open_products(tmp_path):
        pass
