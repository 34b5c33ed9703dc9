"""Whether an error is one of a machine without network: the notebook works where it was written."""

from __future__ import annotations

import re

from autograder.records import CellRun, CellState

_UNREACHABLE = re.compile(
    "|".join(
        (
            r"\bNoNetwork\b|URLError|URL fetch failure|gaierror|getaddrinfo|Name or service not known|name resolution",
            r"Could not resolve host|Network is unreachable|ConnectionError|ConnectionRefusedError|NewConnectionError",
            r"Max retries exceeded|HTTPSConnectionPool|ProxyError|couldn't connect to|LocalEntryNotFoundError",
            r"OfflineModeIsEnabled|DownloadError|No route to host",
        )
    )
)


def needs_network(run: CellRun) -> bool:
    """Whether a cell failed for want of the network; a heuristic, by what libraries say then."""
    return run.state is CellState.RAISED and bool(_UNREACHABLE.search(run.error or ""))
