"""What `user_config` of the `Api` deployment may say, and what it says of what it may not."""

import pytest

from pearshop.deployments.api import bounds_of
from pearshop.domain.scaling import Bounds
from pearshop.errors import ConfigurationError
from pearshop.launcher import config


def test_the_shipped_file_is_good() -> None:
    deployments = config.load("127.0.0.1", 8000)["applications"][0]["deployments"]
    [api] = [each for each in deployments if each["name"] == "Api"]
    assert bounds_of(api["user_config"]) == Bounds(1, 4)


def test_without_a_word_there_is_one_host() -> None:
    assert bounds_of({}) == Bounds(1, 1)


@pytest.mark.parametrize(
    ("user_config", "words"),
    [
        ({"cart_hosts": 3}, "cart_hosts"),
        ({"min_cart_hosts": 3, "max_cart_hosts": 2}, "max_cart_hosts is less than min_cart_hosts"),
        ({"min_cart_hosts": 0}, "min_cart_hosts"),
        ({"max_cart_hosts": "many"}, "max_cart_hosts"),
    ],
)
def test_what_is_wrong_is_named(user_config: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        bounds_of(user_config)
