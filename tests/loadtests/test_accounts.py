"""Accounts, products and tokens made without the shop."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from loadtests import accounts
from loadtests.accounts import PRODUCTS, Wallet, make_products, make_shoppers
from pearshop.domain.user import User
from pearshop.http.tokens import Tokens

KEY = "k" * 32


def test_those_of_an_earlier_load_are_used_again(engine: Engine) -> None:
    first = make_shoppers(engine, 3)
    assert [user.username for user in first] == ["load-1", "load-2", "load-3"]
    assert make_shoppers(engine, 5)[:3] == first
    assert make_shoppers(engine, 2) == first[:2]
    products = make_products(engine)
    assert len(set(products)) == PRODUCTS
    assert make_products(engine) == products


def test_tokens_are_the_shops_own_and_renewed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PEARSHOP_SIGNING_KEY", raising=False)
    (tmp_path / "signing-key").write_text(f"{KEY}\n")
    user, wallet = User(7, "load-7"), Wallet(tmp_path)
    token = wallet.token(user)
    assert Tokens(KEY).check_access(token).user == user
    assert wallet.token(user) is token
    monkeypatch.setattr(accounts, "RENEW_S", -1)
    assert wallet.token(user) is not token
    wallet.write([user, user], tmp_path / "tokens")
    assert len((tmp_path / "tokens").read_text().split()) == 2
