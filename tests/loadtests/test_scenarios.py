"""The scenarios' pure parts: what was printed, what is fair, what was charged, what is lost."""

import ast
import json
from collections import Counter
from pathlib import Path

import pytest

from loadtests import nginx
from loadtests.scenarios import (
    flash_sale,
    growth,
    hot_carts,
    idle,
    journey,
    past_orders,
    public_mix,
    start,
    turns,
)
from loadtests.scenarios.__main__ import NAMES
from loadtests.scenarios.audit import Held, compare
from loadtests.scenarios.flash_sale import Stored
from loadtests.scenarios.parts import Taken, cpu_by_role, pss_by_role
from loadtests.scenarios.prices import History, Priced, ages, changes, mischarged
from loadtests.scenarios.result import Options, Result, Row, figures_sheets, merge, sheet, some
from loadtests.scenarios.start import Started
from loadtests.scenarios.stock import Product, cart_line
from loadtests.scenarios.visits import Visits, acknowledged, read
from loadtests.scenarios.wrk import Got, Wish, parse_got
from loadtests.users import __file__ as users_file
from pearshop.domain.user import User
from pearshop.errors import ConfigurationError

ROW = Row("sale", "500/s", "600/s", True, {"rate": 600.25, "sold": 5_000, "who": "all"})
LINE = cart_line(7)
PEAR, QUINCE = Product(1, "Pear", 250), Product(2, "Quince", 10)


def got(
    number: int, sent: float, answered: float, status: int = 201, first_id: int | None = None
) -> Got:
    code = "" if status == 201 else "out_of_stock"
    return Got(number, sent, answered, status, first_id, 1, code)


class TestResults:
    def test_entries_of_other_scenarios_stay(self, tmp_path: Path) -> None:
        file = tmp_path / "new" / "scenarios.json"
        merge(file, {"idle": Result([ROW, ROW])})
        merge(file, {"flash_sale": Result([ROW])})
        found = json.loads(file.read_text())
        assert list(found) == ["idle", "flash_sale"]
        assert found["idle"] == [found["flash_sale"]] * 2
        assert found["flash_sale"] == {
            "name": "sale",
            "target": "500/s",
            "reached": "600/s",
            "met": True,
            "figures": {"rate": 600.25, "sold": 5_000, "who": "all"},
        }

    def test_a_quick_run_says_so(self, tmp_path: Path) -> None:
        merge(tmp_path / "a.json", {"idle": Result([ROW])}, quick=True)
        assert json.loads((tmp_path / "a.json").read_text())["idle"]["quick"] is True

    def test_tables(self) -> None:
        missed = Row("other", "1", "2", False, {})
        assert sheet({"a": Result([ROW, missed])}).rows == [
            ("sale", "500/s", "600/s", "yes"),
            ("other", "1", "2", "no"),
        ]
        [figures] = figures_sheets(Result([ROW]))
        assert figures.rows == [("rate", "600.2"), ("sold", "5,000"), ("who", "all")]

    def test_long_lists_are_cut(self) -> None:
        assert some(["a", "b"], 2) == ["a", "b"]
        assert some(["a", "b", "c"], 2) == ["a", "b", "and 1 more like these"]

    def test_every_name_is_a_scenario(self) -> None:
        modules = (start, idle, flash_sale, journey, public_mix, hot_carts, growth)
        assert [each.__name__.rpartition(".")[2] for each in modules] == list(NAMES)
        assert all(callable(each.measure) for each in modules)

    def test_quick_is_small(self) -> None:
        assert (Options().pick(600, 15), Options(quick=True).pick(600, 15)) == (600, 15)


class TestOnce:
    def test_a_wish_as_the_script_reads_it(self) -> None:
        assert Wish("GET", "/a/", "token").line() == "GET /a/ token - "
        assert Wish("POST", "/a/", "t", "k", '{"b": 1}').line() == 'POST /a/ t k {"b": 1}'

    def test_answers_know_their_wish(self) -> None:
        printed = "1 10.5 12.0 201 9 1 -\n2 12.0 13.0 409 - 0 out_of_stock\nEND\n"
        assert parse_got(printed, 3, 64) == [
            Got(3, 10.5, 12.0, 201, 9, 1, ""),
            Got(67, 12.0, 13.0, 409, None, 0, "out_of_stock"),
        ]
        assert parse_got(printed, 3, 64)[0].ms == 1.5


class TestFlashSale:
    SOLD = (got(0, 0, 10, first_id=1), got(1, 1, 12, first_id=2), got(2, 2, 13, 409))
    USERS = (User(7, "a"), User(8, "b"), User(9, "c"))
    STORED = Stored(0, [(1, 7, 1), (2, 8, 1)], 1)

    def test_a_right_one(self) -> None:
        assert flash_sale.wrong(self.SOLD, 3, 2) == []
        assert flash_sale.unfair(self.SOLD) == []
        assert flash_sale.unstored(self.SOLD, self.USERS, self.STORED, 2) == []
        row = flash_sale.row(self.SOLD, 3, 2, [])
        assert row.figures["decided orders/s"] == pytest.approx(230.8)
        assert row.figures["sold"] == 2
        assert not row.met

    @pytest.mark.parametrize(
        "sold",
        [
            (*SOLD, got(3, 3, 14, first_id=3)),  # three of two
            (got(0, 0, 10, first_id=1), got(1, 1, 12, first_id=1), SOLD[2]),  # one id twice
            SOLD[:2],  # nobody told the third
            (*SOLD[:2], got(2, 2, 13, 503)),
        ],
    )
    def test_wrong_ones(self, sold: tuple[Got, ...]) -> None:
        assert flash_sale.wrong(sold, len(sold) if len(sold) > 3 else 3, 2)

    def test_who_sends_after_a_refusal_may_not_win(self) -> None:
        late = (got(0, 0, 10, 409), got(1, 11, 20, first_id=1))
        assert len(flash_sale.unfair(late)) == 1
        assert flash_sale.unfair((got(0, 0, 10, 409), got(1, 9, 20, first_id=1))) == []

    def test_ids_follow_those_who_did_not_overlap(self) -> None:
        assert flash_sale.unfair((got(0, 0, 10, first_id=5), got(1, 11, 20, first_id=4)))
        assert flash_sale.unfair((got(0, 0, 10, first_id=5), got(1, 9, 20, first_id=4))) == []

    def test_how_far_losers_were_overtaken(self) -> None:
        sold = (got(0, 0, 10, 409), got(1, 4, 9, first_id=1), got(2, 5, 9, 409))
        assert flash_sale.overtaken(sold) == [4]

    @pytest.mark.parametrize(
        "stored",
        [
            Stored(0, [(1, 7, 1)], 2),  # lost
            Stored(0, [(1, 7, 1), (2, 8, 1), (3, 9, 1)], 0),  # not told, oversold
            Stored(0, [(1, 7, 1), (2, 7, 1)], 1),  # one shopper, two orders
            Stored(1, [(1, 7, 1), (2, 8, 1)], 1),  # stock left
            Stored(0, [(1, 7, 1), (2, 8, 1)], 2),  # sold, and still in the cart
        ],
    )
    def test_what_the_database_must_not_hold(self, stored: Stored) -> None:
        assert flash_sale.unstored(self.SOLD, self.USERS, stored, 2)

    def test_carts_that_do_not_show_their_line(self) -> None:
        shown = Got(0, 0, 1, 200, LINE, 1, "")
        assert flash_sale.unopened([shown], self.USERS[:1]) == []
        assert flash_sale.unopened([], self.USERS[:1])
        assert flash_sale.unopened([Got(0, 0, 1, 200, LINE, 2, "")], self.USERS[:1])


LOG = f"""view 200 1.00 1.50 3.00 HIT 1 250
> add 7
add 201 3.00 3.00 9.00 - 7 {LINE + 1} 2 3
> order 7
order 409 9.00 9.00 12.00 - 7 - 280 {LINE}:1:1:250,{LINE + 1}:2:3:10
> order 7
order 201 12.00 12.00 20.00 - 7 5 281 {LINE}:1:1:251,{LINE + 1}:2:3:10
cart 503 20.00 20.00 21.00 - 
> add 8
"""  # noqa: W291 - as it is written
BEGUN = {7: [PEAR], 8: []}
ORDER = (7, 281, {LINE: (1, 1, 251), LINE + 1: (2, 3, 10)})


def visits(log: str = LOG) -> Visits:
    found = Visits()
    read(log.splitlines(), found)
    return found


class TestVisits:
    def test_what_a_thread_wrote(self) -> None:
        found = visits()
        assert [each.kind for each in found.answers] == ["view", "add", "order", "order", "cart"]
        assert [each.ms for each in found.answers] == [2, 6, 3, 8, 1]
        assert [each.good for each in found.answers] == [True, True, True, True, False]
        assert (found.unanswered, found.doubtful, found.errors()) == (1, {8}, 2)
        assert found.seconds == pytest.approx(0.020)

    def test_wrong_answers_and_an_orderly_end(self) -> None:
        found = visits("! view not product 3\n~ 9\nEND\n")
        assert (found.wrong, found.doubtful) == (["view not product 3"], {9})
        assert found.errors() == 0
        assert found.figures()["wrong"] == 1

    def test_commands_of_several_shoppers_at_once(self) -> None:
        log = "> add 7\n> add 8\n> add 9\nadd 201 1 1 3 - 8 1 2 3\nunknown 503 3 3 3 - \n"
        found = visits(log + "add 201 1 1 4 - 7 1 2 3\n")
        assert [each.kind for each in found.answers] == ["add", "unknown", "add"]
        assert (found.doubtful, found.unanswered, found.errors()) == ({9}, 1, 2)

    def test_figures(self) -> None:
        figures = visits().figures()
        assert (figures["answers/s"], figures["goodput/s"]) == (250, 200)
        assert (figures["order: share"], figures["order: p99 ms"]) == (0.5, 8)
        assert figures["refused as busy"] == 1

    def test_what_was_acknowledged(self) -> None:
        told, problems = acknowledged(visits(), BEGUN)
        assert (told.orders, told.carts, problems) == ({5: ORDER}, {7: {}, 8: {}}, [])

    def test_removed_lines_are_gone(self) -> None:
        told, _ = acknowledged(visits(f"remove 204 0 0 1 - 7 {LINE}\nEND"), BEGUN)
        assert told.carts[7] == {}

    def test_one_order_id_for_two(self) -> None:
        orders = [line for line in LOG.splitlines() if "order 201" in line]
        assert acknowledged(visits("\n".join(orders * 2)), BEGUN)[1]


class TestAudit:
    def test_all_is_there(self) -> None:
        assert compare(visits(), BEGUN, Held({}, {5: ORDER})) == []

    def test_whose_last_command_has_no_answer_may_hold_more(self) -> None:
        held = Held({8: {1: (1, 1)}}, {5: ORDER, 6: (8, 1, {})})
        assert compare(visits(), BEGUN, held) == []

    @pytest.mark.parametrize(
        "held",
        [
            Held({}, {}),
            Held({}, {5: (7, 280, ORDER[2])}),
            Held({7: {LINE: (1, 1)}}, {5: ORDER}),
            Held({}, {5: ORDER, 6: (7, 1, {})}),
            Held({}, {5: ORDER}, unbalanced=[1]),
        ],
    )
    def test_what_differs(self, held: Held) -> None:
        assert len(compare(visits(), BEGUN, held)) == 1


class TestPrices:
    HISTORY = History({1: [Priced(250, 0, 0), Priced(251, 8, 11)], 2: [Priced(10, 0, 0)]})

    @pytest.mark.parametrize(
        ("began", "ended", "prices"),
        [(1, 7, {250}), (1, 8, {250, 251}), (9, 10, {250, 251}), (11.5, 12, {251})],
    )
    def test_a_price_is_in_force_from_a_moment_between_request_and_answer(
        self, began: float, ended: float, prices: set[int]
    ) -> None:
        assert self.HISTORY.possible(1, began, ended) == prices

    def test_right_charges_and_refusals(self) -> None:
        assert mischarged(visits().answers, self.HISTORY) == []

    def test_a_stale_charge(self) -> None:
        stale = LOG.replace(f"{LINE}:1:1:251", f"{LINE}:1:1:250")
        assert len(mischarged(visits(stale).answers, self.HISTORY)) == 1

    def test_a_refusal_without_a_reason(self) -> None:
        unchanged = History({1: [Priced(250, 0, 0)], 2: [Priced(10, 0, 0)]})
        [refusal] = [each for each in visits().answers if each.status == 409]
        assert len(mischarged([refusal], unchanged)) == 1

    def test_how_long_an_old_price_is_shown(self) -> None:
        log = "view 200 1 1 3 HIT 1 250\nview 200 15 15 16 HIT 1 250\nview 200 15 15 16 HIT 1 251\n"
        assert ages(visits(log).answers, self.HISTORY) == ([0, 4, 0], [])
        assert len(ages(visits(log.replace("251", "7")).answers, self.HISTORY)[1]) == 1

    def test_changes_are_counted(self) -> None:
        assert changes(self.HISTORY.of) == 1
        assert changes(History.of_catalogue([PEAR, QUINCE]).of) == 0


class TestMixes:
    def test_the_journey_is_that_of_locust(self) -> None:
        tree = ast.parse(Path(users_file).with_name("shopper.py").read_text())
        weights = {
            function.name: call.args[0].value
            for function in ast.walk(tree)
            if isinstance(function, ast.FunctionDef)
            for call in function.decorator_list
            if isinstance(call, ast.Call) and isinstance(call.args[0], ast.Constant)
        }
        names = {
            "put_in": "add",
            "think_again": "change",
            "open_cart": "cart",
            "check_out": "order",
            "look_back": "history",
        }
        assert {names.get(name, name): w for name, w in weights.items()} == journey.MIX

    def test_the_public_reads(self) -> None:
        reads = sum(public_mix.MIX[kind] for kind in ("view", "category", "search", "first"))
        assert reads == 97
        assert sum(public_mix.MIX.values()) == pytest.approx(100)

    def test_their_rows(self) -> None:
        row = journey.row(visits(), 0)
        assert (row.met, row.figures["errors"]) == (False, 2)
        more = {"orders mischarged": 0, "problems": 0}
        mixed = public_mix.row(visits(), TestPrices.HISTORY, [4.0], more)
        assert (mixed.met, mixed.figures["orders placed"]) == (False, 1)
        assert mixed.figures["cache: HIT"] == 1


BEFORE = {1: Taken("Redis", 5, 1.0), 2: Taken("GCS", 100, 2.0)}
AFTER = {1: Taken("Redis", 6, 1.5), 2: Taken("GCS", 1_100, 4.0), 3: Taken("GCS", 50, 0.5)}


class TestIdle:
    def test_sums_by_role(self) -> None:
        assert pss_by_role(AFTER) == Counter({"GCS": 1_150, "Redis": 6})
        assert cpu_by_role(BEFORE, AFTER) == Counter({"GCS": 2.5, "Redis": 0.5})

    def test_rows(self) -> None:
        rest = {2: Taken("GCS", 900, 2.5), 3: Taken("pearshop up", 80, 3.0)}
        memory, cpu = idle.rows(idle.Watched(BEFORE, AFTER, 50), idle.Watched(BEFORE, rest, 10))
        assert (memory.met, memory.figures["PSS MB, all"]) == (True, 1_156)
        assert memory.figures["PSS MB, without PostgreSQL and Redis"] == 1_150
        assert (cpu.met, cpu.figures["share of a core, all"]) == (False, 0.06)
        nothing = "Ray Serve with one replica that does nothing"
        assert memory.figures[f"PSS MB, {nothing}"] == 900
        assert cpu.figures[f"share of a core, {nothing}"] == 0.05


class TestStart:
    def test_its_own_word(self) -> None:
        assert start.told_seconds("Ray: 9 s\nPearShop is ready after 12 s. Ctrl-C") == 12
        with pytest.raises(ConfigurationError, match="Port 1 is busy"):
            start.told_seconds("Error: Port 1 is busy")

    def test_the_slowest_second_start_counts(self) -> None:
        pairs = [
            (Started(30, 31, 30.5), Started(10, 11, 12)),
            (Started(40, 41, 40.5), Started(19, 21, 20)),
            (Started(50, 51, 50.5), Started(9, 10, 9)),
        ]
        row = start.row(pairs)
        assert (row.met, row.reached) == (False, "12.0 s")
        assert row.figures["first start, s, by its own word"] == 40
        assert start.row(pairs[:1]).met


class TestHotCarts:
    def test_carts_unlike_what_was_put_there(self) -> None:
        user = User(7, "a")
        good = Got(0, 0, 1, 200, LINE, 3, "")
        assert hot_carts.unlike([good], [user], {user: 3}) == []
        assert len(hot_carts.unlike([good], [user], {user: 4})) == 1
        assert hot_carts.unlike([], [user], {user: 3}) == ["1 carts could not be read"]

    def test_rows(self) -> None:
        opened = hot_carts.Opened(carts=100, lines=497, kb=3.5, hot=100_000)
        row = hot_carts.memory_row(opened, least=100_000)
        assert (row.met, row.name) == (True, "a hot cart of 5 lines: memory")
        assert not hot_carts.memory_row(opened, least=100_001).met
        activated = hot_carts.activation_row([got(0, 0, 11)], [got(0, 0, 2)], 5)
        assert (activated.met, activated.figures["second read: p50 ms"]) == (False, 2)


class TestGrowth:
    @pytest.mark.parametrize(("large", "met"), [(3.0, True), (3.1, False)])
    def test_the_worst_kind_counts(self, large: float, met: bool) -> None:
        small_took = {"add": [1.0, 2.0, 9.0], "read": [1.0]}
        row = turns.row("carts", (10, 1_000), (small_took, {"add": [large], "read": [1.0]}), 1.5)
        assert row.met is met
        assert row.figures["add: ratio"] == pytest.approx(large / 2)
        assert "(add)" in row.reached

    def test_pages_of_orders(self) -> None:
        old, new = (
            {"id": n, "total_price": 3, "order_items": [{"total_price": 3}]} for n in (1, 2)
        )
        assert past_orders.is_page([new, old], 2)
        assert not past_orders.is_page([old, new], 2)
        assert not past_orders.is_page([new], 2)
        assert not past_orders.is_page([new | {"total_price": 4}], 1)
        assert not past_orders.is_page({"detail": ""}, 1)

    @pytest.mark.parametrize(("size", "many"), [(11, 10), (20_000, 200), (1_000_000, 10_000)])
    def test_orders_of_the_regular(self, size: int, many: int) -> None:
        assert past_orders.many_of(size) == many


class TestNginx:
    def test_the_shipped_files_can_be_turned(self, tmp_path: Path) -> None:
        port, tls_port = nginx.set_up(tmp_path / "n", "127.0.0.1:1", nginx.NO_LIMITS)
        assert port != tls_port
        assert "127.0.0.0/8 0;" in (tmp_path / "n" / "http.conf").read_text()

    def test_what_is_not_there_is_a_mistake(self, tmp_path: Path) -> None:
        (tmp_path / "a.conf").write_text("listen 80;")
        with pytest.raises(ValueError, match=r"a\.conf"):
            nginx.turn(tmp_path / "a.conf", {"listen 81": "listen 82"})
