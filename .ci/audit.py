"""Holds the pinned versions against PyPI's advisories. Exit status 1 for a known hole.

Where the advisories cannot be reached it says so and goes on: no answer is no finding.
"""

import json
import subprocess
import sys
from typing import Any

COMMAND = "pip-audit --requirement requirements.lock --disable-pip --require-hashes --format json"

OFFLINE = ("ConnectionError", "NewConnectionError", "NameResolutionError", "Timeout")
"""What `pip-audit` dies of where there is no way to PyPI."""


def main() -> int:
    """Print what was found, and how much was looked at."""
    told = subprocess.run(
        ["uv", "run", *COMMAND.split()], capture_output=True, text=True, check=False
    )
    try:
        packages = json.loads(told.stdout)["dependencies"]
    except ValueError:
        if any(sign in told.stderr for sign in OFFLINE):
            print("Nothing was audited: the advisories cannot be reached.")
            return 0
        print(told.stderr)
        return 1
    holes = holes_in(packages)
    unknown = sum("skip_reason" in each for each in packages)
    print(*holes, sep="\n", end="\n" if holes else "")
    print(f"{len(packages) - unknown} packages audited, {unknown} without an answer.")
    return 1 if holes else 0


def holes_in(packages: list[dict[str, Any]]) -> list[str]:
    """Return a line for each known hole in what `pip-audit` told of packages."""
    return [
        f"{each['name']} {each['version']}: {hole['id']}, mended in {hole['fix_versions']}"
        for each in packages
        for hole in each.get("vulns", [])
    ]


if __name__ == "__main__":
    sys.exit(main())
