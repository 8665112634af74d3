"""A release is named after its code and its settings."""

from pydantic import SecretStr

from pearshop.deployments.release import release_of
from pearshop.settings import Settings


def test_the_same_code_and_settings_are_the_same_release() -> None:
    assert release_of(Settings(release="1")) == release_of(Settings(release="1"))


def test_another_setting_is_another_release() -> None:
    names = {
        release_of(settings)
        for settings in (
            Settings(),
            Settings(release="2"),
            Settings(cart_idle_seconds=1),
            Settings(signing_key=SecretStr("x" * 32)),
        )
    }
    assert len(names) == 4
