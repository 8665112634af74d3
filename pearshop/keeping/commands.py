"""What `pearshop backup` and `pearshop restore` do with a state folder, and tell."""

from collections.abc import Callable
from pathlib import Path

from pearshop.errors import ConfigurationError
from pearshop.keeping.archive import Manifest
from pearshop.keeping.backup import back_up, media_folder
from pearshop.keeping.restore import restore
from pearshop.launcher.database import database
from pearshop.launcher.state import StateFolder
from pearshop.settings import Settings

Say = Callable[[str], None]


def run_backup(path: Path, state_dir: Path, say: Say) -> None:
    """Make a backup, and tell what is in it and what is not."""
    media_url = Settings().media_url
    media = media_folder(media_url, state_dir.resolve())
    with database(state_dir) as url:
        manifest = back_up(url, media, path)
    say(f"{path}: {path.stat().st_size / 1e6:.1f} MB, {_described(manifest)}.")
    if media is None:
        say(f"The images are not in it: they are in {media_url}. Copy them from there.")
    say(
        "Not in it: the signing key and other settings. Whoever reads it reads addresses and "
        "password hashes: keep it safe."
    )


def run_restore(path: Path, state_dir: Path, say: Say, *, replace: bool) -> None:
    """Restore a backup, and tell what has come back and what is to be done."""
    folder = StateFolder(state_dir)
    if (holder := folder.holder()) is not None:
        raise ConfigurationError(
            f"A shop is up in {folder.path} (process {holder}): stop it with `pearshop down` first."
        )
    media_url = Settings().media_url or str(folder.path / "media")
    with database(state_dir) as url:
        restored = restore(url, media_url, path, replace=replace)
    say(f"The shop is as it was at {restored.manifest.made_at}: {_described(restored.manifest)}.")
    if not restored.manifest.media:
        say("Its images are not in the backup: they have to be where PEARSHOP_MEDIA_URL says.")
    say("Everybody signs in again. Start it with `pearshop up`, or `pearshop migrate` first.")


def _described(manifest: Manifest) -> str:
    rows = manifest.rows
    return (
        f"{rows.get('orders', 0):,} orders, {rows.get('users', 0):,} accounts, "
        f"{rows.get('products', 0):,} products, {len(manifest.images):,} images, "
        f"schema {manifest.revision}"
    )
