"""How soon the shop can be used on a middling phone, over a middling network.

`uv run python -m tests.e2e.app.first_view` starts a shop of its own with nginx before it, as phones
reach one (HTTPS, HTTP/2), and opens it in Chromium with a processor four times slower and a network
that its developer tools call "Fast 4G": 8.1 Mbit/s down, 1.35 up, 165 ms both ways. "Usable" is
when products are shown and nothing has kept the page busy for 50 ms since (long tasks, as browsers
tell them). Prints a Markdown table of medians.
"""

import statistics
from typing import Any, NamedTuple

from playwright.sync_api import Browser

from tests.e2e import nginx
from tests.e2e.conftest import shown_shop

ROUNDS = 5
SLOWER = 4
NETWORK = {
    "offline": False,
    "latency": 165,
    "downloadThroughput": 8_100_000 / 8,
    "uploadThroughput": 1_350_000 / 8,
}
PHONE: Any = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
WATCH = """
globalThis.seen = {cards: 0, busy: 0};
new PerformanceObserver(list => list.getEntries().forEach(each => {
  seen.busy = Math.max(seen.busy, each.startTime + each.duration);
})).observe({type: "longtask", buffered: true});
new MutationObserver(() => {
  if (!seen.cards && document.querySelector("a.card")) seen.cards = performance.now();
}).observe(document, {childList: true, subtree: true});
"""
TOLD = "({...seen, painted: performance.getEntriesByName('first-contentful-paint')[0].startTime})"


class View(NamedTuple):
    """One opening of the shop: milliseconds, bytes on the wire, requests."""

    painted: float
    usable: float
    code: float
    all: float
    requests: float


def main() -> None:
    """Measure and print."""
    with (
        shown_shop("--ignore-certificate-errors") as (shop, browser),
        nginx.with_tls(shop.state / "tls", shop.run["api_url"].removeprefix("http://")) as edge,
    ):
        url = f"https://127.0.0.1:{edge[0].tls_port}/"
        print("| visit | first paint | usable | script and style | all | requests |")
        print("|---|---|---|---|---|---|")
        for name, again in (("the first", False), ("the next", True)):
            views = [open_shop(browser, url, again=again) for _ in range(ROUNDS)]
            middle = View(*(statistics.median(each) for each in zip(*views, strict=True)))
            print(
                f"| {name} | {middle.painted:.0f} ms | {middle.usable:.0f} ms | "
                f"{middle.code / 1024:.1f} KiB | {middle.all / 1024:.1f} KiB | "
                f"{middle.requests:.0f} |"
            )


def open_shop(browser: Browser, url: str, *, again: bool) -> View:
    """Open the shop in a browser that was never there, or was there once."""
    with browser.new_context(**PHONE) as context:
        page = context.new_page()
        if again:
            page.goto(url)
            page.wait_for_selector("a.card")
            page.evaluate("navigator.serviceWorker.ready.then(() => undefined)")
        session = context.new_cdp_session(page)
        kinds: dict[str, str] = {}
        sizes: dict[str, int] = {}

        def answered(told: Any) -> None:
            if not told["response"].get("fromServiceWorker"):
                kinds[told["requestId"]] = told["type"]

        def loaded(told: Any) -> None:
            if told["requestId"] in kinds:
                sizes[told["requestId"]] = told["encodedDataLength"]

        session.on("Network.responseReceived", answered)
        session.on("Network.loadingFinished", loaded)
        session.send("Network.enable")
        session.send("Network.emulateNetworkConditions", NETWORK)
        session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
        page.add_init_script(WATCH)
        page.goto(url)
        page.wait_for_selector("a.card")
        page.wait_for_timeout(2_000)  # whatever keeps the page busy later counts, too
        told = page.evaluate(TOLD)
        code = sum(size for key, size in sizes.items() if kinds[key] in {"Script", "Stylesheet"})
        usable = max(told["cards"], told["busy"])
        return View(told["painted"], usable, code, sum(sizes.values()), len(sizes))


if __name__ == "__main__":
    main()
