"""A backup is of one moment and comes back whole, or not at all."""

import json
import shutil
import stat
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg2
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, create_engine, make_url, text

from pearshop.db import placement
from pearshop.db import user as user_rows
from pearshop.db.cart import CartSave, Done, encode, save
from pearshop.db.engine import make_engine
from pearshop.db.tables import metadata
from pearshop.domain.cart import Cart
from pearshop.errors import ConfigurationError, Unauthenticated
from pearshop.keeping.archive import DUMP, MANIFEST, MEDIA
from pearshop.keeping.backup import back_up, media_folder
from pearshop.keeping.restore import GAP, restore
from pearshop.keeping.tools import find_tools
from pearshop.settings import Settings
from tests.db.conftest import Rows, rows
from tests.faults.audit import audit
from tests.faults.truth import a_day
from tests.waiting import wait_for

__all__ = ["rows"]

IMAGE = "0" * 40 + "-large.webp"


@pytest.fixture
def empty(postgres: str) -> Iterator[str]:
    """URL of a database that has nothing in it."""
    admin = create_engine(
        make_url(postgres).set(drivername="postgresql+psycopg2"), isolation_level="AUTOCOMMIT"
    )
    with admin.connect() as connection:
        connection.execute(text("CREATE DATABASE restored"))
        yield make_url(postgres).set(database="restored").render_as_string(hide_password=False)
        connection.execute(text("DROP DATABASE restored WITH (FORCE)"))
    admin.dispose()


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("media")
    (folder / IMAGE).write_bytes(b"an image")
    (folder / ".half-written").write_bytes(b"none")
    return folder


@pytest.fixture
def backup(rows: Rows, database_url: str, media: Path, tmp_path: Path) -> Path:
    """A backup of a day of a shop; the shop is not at work any more."""
    a_day(rows)
    rows.engine.dispose()
    path = tmp_path / "shop.backup"
    back_up(database_url, media, path)
    return path


@pytest.fixture(scope="module")
def whole(make_database: Callable[[], Engine], media: Path) -> bytes:
    """A backup to be damaged."""
    engine = make_database()
    a_day(Rows(engine))
    path = media / "whole"
    back_up(engine.url.render_as_string(hide_password=False), media, path)
    content = path.read_bytes()
    path.unlink()
    return content


def engine_on(url: str) -> Engine:
    return make_engine(Settings(database_url=url))


def copied(path: Path, change: Callable[[str, bytes], bytes | None]) -> Path:
    """Return a copy of an archive with members changed; `None` leaves one out."""
    copy = path.with_name("changed.backup")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(copy, "w") as new:
        for name in old.namelist():
            if (content := change(name, old.read(name))) is not None:
                new.writestr(name, content)
    return copy


def everything(url: str) -> dict[str, list[str]]:
    engine = engine_on(url)
    with engine.connect() as connection:
        found = {
            name: sorted(connection.execute(text(f"SELECT t::text FROM {name} t")).scalars())
            for name in metadata.tables
        }
    engine.dispose()
    return found


class TestBackup:
    def test_is_for_its_owner_and_holds_no_key(self, backup: Path) -> None:
        assert stat.S_IMODE(backup.stat().st_mode) == 0o600
        assert [x.name for x in backup.parent.glob("*shop.backup*")] == ["shop.backup"]
        with zipfile.ZipFile(backup) as file:
            assert file.namelist() == [DUMP, MEDIA + IMAGE, MANIFEST]

    def test_does_not_take_the_place_of_a_file(self, database_url: str, backup: Path) -> None:
        before = backup.read_bytes()
        with pytest.raises(ConfigurationError, match="is there already"):
            back_up(database_url, None, backup)
        assert backup.read_bytes() == before

    def test_of_what_is_no_shop(self, empty: str, tmp_path: Path) -> None:
        with pytest.raises(ConfigurationError, match="no shop in this database"):
            back_up(empty, None, tmp_path / "none")
        assert not (tmp_path / "none").exists()

    def test_that_is_broken_off_leaves_no_file(
        self, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("pearshop.keeping.backup.SCHEMA", "nowhere")
        with pytest.raises(ConfigurationError):
            back_up(database_url, None, tmp_path / "none")
        assert list(tmp_path.iterdir()) == []

    def test_an_object_stores_images_are_not_in_it(self, tmp_path: Path) -> None:
        assert media_folder("", tmp_path) == tmp_path / "media"
        assert media_folder("/srv/images", tmp_path) == Path("/srv/images")
        assert media_folder("s3://bucket/images", tmp_path) is None


def test_a_backup_amid_a_day_is_of_one_moment(
    rows: Rows, database_url: str, empty: str, tmp_path: Path
) -> None:
    """Everything that is acknowledged before it is there, and no half of what is not."""
    first = a_day(rows)
    known = len(first.history.operations)
    done = threading.Event()

    def shop_on() -> None:
        while not done.is_set():
            a_day(rows)

    def orders() -> int:
        with rows.engine.connect() as connection:
            return int(connection.execute(text("SELECT count(*) FROM orders")).scalar_one())

    before = orders()
    shopping = threading.Thread(target=shop_on)
    shopping.start()
    wait_for(lambda: orders() > before, "an order of the next day")
    back_up(database_url, None, tmp_path / "amid")
    done.set()
    shopping.join()
    restore(empty, str(tmp_path / "images"), tmp_path / "amid", replace=False)
    copy = engine_on(empty)
    with copy.connect() as connection:
        stored = connection.execute(
            text(
                "SELECT o.id FROM orders o LEFT JOIN order_lines l ON l.order_id = o.id "
                "LEFT JOIN outbox x ON x.subject_id = o.id AND x.topic = 'order.placed' "
                "GROUP BY o.id HAVING o.total_price IS DISTINCT FROM sum(l.price * l.quantity) "
                "OR count(x.id) = 0"
            )
        ).all()
        assert stored == []
        untrue = connection.execute(
            text(
                "SELECT x.id FROM outbox x LEFT JOIN orders o ON o.id = x.subject_id "
                "WHERE x.topic = 'order.placed' AND o.id IS NULL"
            )
        ).all()
        assert untrue == []
        short = connection.execute(
            text(
                "SELECT p.id FROM products p LEFT JOIN order_lines l ON l.product_id = p.id "
                "WHERE p.stock IS NOT NULL GROUP BY p.id "
                "HAVING p.stock + COALESCE(sum(l.quantity), 0) <> 10"
            )
        ).all()
        assert short == []
        restored = Rows(copy)
        first.history.operations[known:] = []
        first._rows = restored
        findings = audit(connection, first.history, first.read_cart)
    copy.dispose()
    # Those of the days that followed, of which the history does not know.
    others = ("no account", "no order is there twice", "the outbox", "carts hold just")
    wrong = [x for x in findings if not x.ok and not x.check.startswith(others)]
    assert [(x.check, x.summary()) for x in wrong] == []


class TestRestore:
    def test_brings_back_all_of_it(
        self, database_url: str, empty: str, backup: Path, tmp_path: Path
    ) -> None:
        told = restore(empty, str(tmp_path / "new"), backup, replace=False)
        assert told.images == 1
        assert (tmp_path / "new" / IMAGE).read_bytes() == b"an image"
        old, new = everything(database_url), everything(empty)
        for changed in ("placement", "cart_hosts", "sessions"):
            assert len(old.pop(changed)) == len(new.pop(changed))
        assert new == old
        engine = engine_on(empty)
        with engine.connect() as connection:
            assert compare_metadata(MigrationContext.configure(connection), metadata) == []
            for kind in ("pg_trigger WHERE NOT tgisinternal", "pg_proc WHERE pronamespace = 2200"):
                assert connection.execute(text(f"SELECT count(*) FROM {kind}")).scalar_one() >= 3
        engine.dispose()

    def test_into_what_is_not_empty_only_if_told(self, database_url: str, backup: Path) -> None:
        before = everything(database_url)
        with pytest.raises(ConfigurationError, match="--replace"):
            restore(database_url, str(backup.parent), backup, replace=False)
        assert everything(database_url) == before

    def test_takes_the_place_of_what_came_after(
        self, rows: Rows, database_url: str, backup: Path
    ) -> None:
        before = everything(database_url)
        late = rows.user()
        with rows.engine.begin() as connection:
            connection.execute(text("CREATE TABLE of_newer_code (id INT)"))
            connection.execute(text("DELETE FROM order_lines"))
        rows.engine.dispose()
        restore(database_url, str(backup.parent), backup, replace=True)
        after = everything(database_url)
        assert after["order_lines"] == before["order_lines"]
        assert late.username not in str(after["users"])
        with rows.engine.connect() as connection:
            assert connection.execute(text("SELECT to_regclass('of_newer_code')")).scalar() is None
        rows.engine.dispose()

    def test_of_a_database_that_is_no_shop_is_refused(self, empty: str, backup: Path) -> None:
        engine = engine_on(empty)
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE somebodys (id INT)"))
        engine.dispose()
        with pytest.raises(ConfigurationError, match="no shop"):
            restore(empty, str(backup.parent), backup, replace=True)

    def test_while_a_shop_is_at_work_is_refused(
        self, rows: Rows, database_url: str, backup: Path
    ) -> None:
        with rows.engine.connect() as at_work:
            at_work.execute(text("SELECT 1"))
            at_work.rollback()
            with pytest.raises(ConfigurationError, match="a shop is at work on this database"):
                restore(database_url, str(backup.parent), backup, replace=True)
        assert everything(database_url)["orders"]

    def test_of_a_backup_whose_rows_are_fewer_changes_nothing(
        self, rows: Rows, database_url: str, backup: Path
    ) -> None:
        def more(name: str, content: bytes) -> bytes:
            if name != MANIFEST:
                return content
            manifest = json.loads(content)
            manifest["rows"]["orders"] += 1
            return json.dumps(manifest).encode()

        before = everything(database_url)
        with pytest.raises(ConfigurationError, match="not the rows that it had"):
            restore(database_url, str(backup.parent), copied(backup, more), replace=True)
        assert everything(database_url) == before


class TestFence:
    """What was granted, given out or signed in before is good for nothing."""

    def test_a_host_of_before_stores_nothing(
        self, rows: Rows, database_url: str, backup: Path
    ) -> None:
        user = rows.user()
        rows.run(placement.claim, 0, "a later host")
        late = rows.run(placement.confirm, 0)
        rows.engine.dispose()
        restore(database_url, str(backup.parent), backup, replace=True)

        cart = encode(CartSave(Cart(user.id, 1, 1, ()), (Done(b"key", b"", None),)))
        for grant in (rows.grant, late):
            assert rows.run(save, grant, [cart]) == frozenset()
        new = rows.run(placement.claim, 0, "a new host")
        assert new.incarnation > late.incarnation
        assert new.epoch > late.epoch
        buyer = rows.user()
        cart = encode(CartSave(Cart(buyer.id, 1, 1, ()), (Done(b"key", b"", None),)))
        assert rows.run(save, new, [cart]) == {buyer.id}
        rows.engine.dispose()

    def test_numbers_and_sessions_of_the_lost_time_are_not_given_again(
        self, rows: Rows, database_url: str, tmp_path: Path
    ) -> None:
        user = rows.user()
        before = rows.run(user_rows.open_session, user.id, "hash")
        rows.engine.dispose()
        back_up(database_url, None, tmp_path / "shop.backup")
        late = rows.run(user_rows.open_session, rows.user().id, "hash")
        rows.engine.dispose()
        restore(database_url, str(tmp_path), tmp_path / "shop.backup", replace=True)

        for session in (before, late):
            with pytest.raises(Unauthenticated):
                rows.run(user_rows.of_session, session)
        assert before in rows.run(placement.pulse, None).revoked if rows.grant else False
        assert rows.user().id > GAP
        assert rows.run(user_rows.open_session, user.id, "hash") > GAP
        rows.engine.dispose()


class TestDamage:
    @pytest.fixture
    def backup(self, whole: bytes, tmp_path: Path) -> Path:
        (tmp_path / "shop.backup").write_bytes(whole)
        return tmp_path / "shop.backup"

    @pytest.fixture
    def refused(self, empty: str, tmp_path: Path) -> Callable[[Path, str], None]:
        def refuse(path: Path, words: str) -> None:
            with pytest.raises(ConfigurationError, match=words):
                restore(empty, str(tmp_path / "images"), path, replace=False)
            engine = engine_on(empty)
            with engine.connect() as connection:
                assert connection.execute(text("SELECT to_regclass('orders')")).scalar() is None
            engine.dispose()
            assert not (tmp_path / "images").exists()

        return refuse

    @pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
    def test_cut_off(
        self, backup: Path, refused: Callable[[Path, str], None], share: float
    ) -> None:
        content = backup.read_bytes()
        backup.write_bytes(content[: int(len(content) * share)])
        refused(backup, "cut off, or no backup")

    def test_a_byte_is_another(self, backup: Path, refused: Callable[[Path, str], None]) -> None:
        content = bytearray(backup.read_bytes())
        content[len(content) // 3] ^= 1
        backup.write_bytes(content)
        refused(backup, "damaged")

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            (lambda name, was: None if name == MANIFEST else was, "manifest is missing"),
            (lambda name, was: b"{}" if name == MANIFEST else was, "manifest is missing"),
            (lambda name, was: None if name == DUMP else was, "does not hold what"),
            (lambda name, was: was + b"x" if name == DUMP else was, "is not what was written"),
            (lambda name, was: was.replace(b'"format": 1', b'"format": 2'), "does not know"),
            (lambda name, was: was.replace(b'"0008"', b'"9999"'), "newer than this code"),
            (lambda name, was: was.replace(b'"server": 1', b'"server": 9'), "not older"),
            (lambda name, was: was.replace(IMAGE.encode(), b"../../etc/x"), "does not hold"),
        ],
    )
    def test_changed(
        self,
        backup: Path,
        refused: Callable[[Path, str], None],
        change: Callable[[str, bytes], bytes | None],
        words: str,
    ) -> None:
        refused(copied(backup, change), words)

    def test_what_is_no_backup(self, tmp_path: Path, refused: Callable[[Path, str], None]) -> None:
        refused(tmp_path / "nowhere", "cannot be read")
        shutil.copy(__file__, tmp_path / "a file")
        refused(tmp_path / "a file", "no backup of PearShop")


def test_programs_of_another_version_are_asked_for_by_name(database_url: str) -> None:
    with pytest.raises(ConfigurationError, match="postgresql-client-99"):
        find_tools(database_url, 990_001)


def test_no_password_is_on_a_command_line(database_url: str) -> None:
    connection = psycopg2.connect(database_url)
    tools = find_tools(database_url, connection.server_version)
    connection.close()
    password = str(make_url(database_url).password)
    assert password not in " ".join(tools.command("psql", tools.database()))
    assert tools.environment()["PGPASSWORD"] == password
