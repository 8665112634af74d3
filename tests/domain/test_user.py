"""Usernames and passwords."""

import pytest

from pearshop.domain.user import MAX_USERNAME, check_password, check_username, username_key
from pearshop.errors import Invalid


def test_names_that_differ_in_letter_case_or_form_only_are_one() -> None:
    assert username_key("Ada") == username_key("aDA")
    assert username_key("Straße") == username_key("STRASSE")
    assert username_key("ﬁne") == username_key("fine")
    assert username_key(" ada ") == username_key("ada")


def test_blanks_around_a_name_do_not_count() -> None:
    assert check_username("  Ada Lovelace ") == "Ada Lovelace"


@pytest.mark.parametrize("name", ["", "   ", "x" * (MAX_USERNAME + 1), "a\u200bb", "a\nb", "a\tb"])
def test_bad_names_are_refused(name: str) -> None:
    with pytest.raises(Invalid, match="username"):
        check_username(name)


@pytest.mark.parametrize("password", ["short", "Password123", "aaaaaaaaaa", "ADA-LOVELACE"])
def test_weak_passwords_are_refused(password: str) -> None:
    with pytest.raises(Invalid, match="password"):
        check_password(password, "ada-lovelace")


def test_a_fair_password_will_do() -> None:
    check_password("correct horse battery", "ada")
