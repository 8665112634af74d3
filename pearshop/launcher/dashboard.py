"""Ray's dashboard, as far as PearShop asks it: HTTP, so that the command need not import Ray."""

import re
from dataclasses import dataclass
from typing import Any

import httpx

from pearshop.errors import ConfigurationError, Unavailable

APPLICATIONS = "/api/serve/applications/"
ERROR_LINE = re.compile(r"^(?:[\w.]*(?:Error|Exception)\b.*:.*)", re.MULTILINE)
MAX_WORDS = 600
TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Dashboard:
    """The REST interface at `url`. Methods raise `Unavailable` when it does not answer."""

    url: str

    def session(self) -> str | None:
        """Return the name of the Ray session that answers; `None` when nobody does."""
        try:
            return str(self._get("/api/version").get("session_name"))
        except Unavailable:
            return None

    def deploy(self, config: dict[str, Any], timeout: float) -> None:
        """Deploy a Serve configuration; safe to repeat.

        Raises `ConfigurationError` when Serve refuses it, `Unavailable` when Serve itself fails, as
        it does when its HAProxy's manager dies over its start.
        """
        try:
            answer = httpx.put(
                self.url + APPLICATIONS, json=config, timeout=timeout, trust_env=False
            )
        except httpx.HTTPError as error:
            raise Unavailable(f"Ray's dashboard at {self.url} does not answer: {error}") from None
        if answer.is_server_error:
            raise Unavailable(f"Ray Serve failed: {last_words(answer.text)}")
        if answer.is_error:
            raise ConfigurationError(
                f"Ray Serve refused the configuration: {last_words(answer.text)}"
            )

    def applications(self) -> dict[str, Any]:
        """Return Serve's applications by name, each with its deployments."""
        applications: dict[str, Any] = self._get(APPLICATIONS).get("applications", {})
        return applications

    def is_running(self, application: str) -> bool:
        """Return whether an application is up. Raises `ConfigurationError` when it has failed."""
        found = self.applications().get(application, {})
        if found.get("status") == "DEPLOY_FAILED":
            words = [found.get("message", "")]
            words += [each["message"] for each in found.get("deployments", {}).values()]
            reason = "; ".join(last_words(word) for word in words if word)
            raise ConfigurationError(f"The shop could not be deployed: {reason}")
        return bool(found.get("status") == "RUNNING")

    def actors(self, namespace: str) -> list[dict[str, Any]]:
        """Return the actors of a namespace, dead ones too."""
        query = (
            "?detail=1&limit=1000&filter_keys=ray_namespace&filter_predicates=%3D"
            f"&filter_values={namespace}"
        )
        actors: list[dict[str, Any]] = self._get(f"/api/v0/actors{query}")["data"]["result"][
            "result"
        ]
        return actors

    def node_clocks(self) -> list[tuple[str, float]]:
        """Return each live node's address, and its time (s since 1970) as its agent last told."""
        nodes = self._get("/nodes?view=summary")["data"]["summary"]
        return [
            (str(each["ip"]), float(each["now"]))
            for each in nodes
            if each.get("now") and each.get("raylet", {}).get("state") == "ALIVE"
        ]

    def _get(self, path: str) -> dict[str, Any]:
        try:
            answer = httpx.get(self.url + path, timeout=TIMEOUT_S, trust_env=False)
            answer.raise_for_status()
            found: dict[str, Any] = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise Unavailable(f"Ray's dashboard at {self.url} does not answer: {error}") from None
        return found


def last_words(text: str) -> str:
    """Return what a trace ends with: its last error, shortened; the traces of Serve are long."""
    found = [match.start() for match in ERROR_LINE.finditer(text)]
    words = " ".join(text[found[-1] if found else 0 :].split())
    return words if len(words) <= MAX_WORDS else f"{words[:200]} ... {words[-MAX_WORDS + 200 :]}"
