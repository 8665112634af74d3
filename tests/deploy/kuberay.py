"""The RayService's `serveConfigV2` is `serve_config.yaml`.

`uv run python -m tests.deploy.kuberay` writes it there.
"""

import re
import textwrap

from tests.deploy.files import DEPLOY, ROOT

FILE = DEPLOY / "kuberay/rayservice.yaml"
BEFORE, AFTER = "  serveConfigV2: |\n", "  rayClusterConfig:\n"


def derived() -> str:
    """Return the text that the RayService has to have between `BEFORE` and `AFTER`."""
    text = (ROOT / "serve_config.yaml").read_text()
    # In a pod, loopback would be reached by the pod alone.
    turned, count = re.subn(r"^  host: 127\.0\.0\.1$", "  host: 0.0.0.0", text, flags=re.MULTILINE)
    assert count == 1
    return textwrap.indent(turned, "    ")


def main() -> None:
    """Write it."""
    before, _, rest = FILE.read_text().partition(BEFORE)
    _, _, after = rest.partition(AFTER)
    FILE.write_text(before + BEFORE + derived() + AFTER + after)


if __name__ == "__main__":
    main()
