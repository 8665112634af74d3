"""Who loads the shop under locust: `uv run locust --host http://127.0.0.1:8000`, with its web page.

    uv run locust --headless -u 50 -r 5 -t 1m Shopper Staff
    uv run locust -f loadtests/locustfile.py,loadtests/shapes/spike.py

`Shopper` is the default. Start the shop with `PEARSHOP_RATE_LIMITS=off`: all users come from one
address. It makes accounts, orders and products, so it is no load for a shop with customers. Every
answer is checked, not only its status. What the shop refused for being busy has rows of its own,
and so has what is out of stock; at the end a table says what was done. Exit status 1 when any
answer was wrong.
"""

from typing import Any

from locust import events
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment

from loadtests.summary import report
from loadtests.users.cart_heavy import CartHeavy
from loadtests.users.flash_sale import FlashSale
from loadtests.users.replay import Replay
from loadtests.users.shopper import Shopper
from loadtests.users.staff import Staff

__all__ = ["CartHeavy", "FlashSale", "Replay", "Shopper", "Staff"]


def _add_options(parser: LocustArgumentParser) -> None:
    parser.add_argument("--staff-username", default="staff", env_var="PEARSHOP_STAFF_USERNAME")
    parser.add_argument(
        "--staff-password",
        default="",
        env_var="PEARSHOP_STAFF_PASSWORD",
        is_secret=True,
        include_in_web_ui=False,
        help="For Staff and FlashSale; `pearshop up` prints it",
    )
    parser.add_argument("--flash-stock", type=int, default=500, help="Units in a flash sale")
    parser.add_argument(
        "--compress", type=float, default=20_000, help="Seconds of the trace in one, for Replay"
    )


def _only_shoppers_unless_told(environment: Environment, **_: Any) -> None:
    if not (environment.parsed_options and environment.parsed_options.user_classes):
        environment.user_classes = [Shopper]


def _report(environment: Environment, **_: Any) -> None:
    print(report(environment.stats))


events.init_command_line_parser.add_listener(_add_options)
events.init.add_listener(_only_shoppers_unless_told)
events.quitting.add_listener(_report)
