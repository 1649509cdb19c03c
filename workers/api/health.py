"""The API's container health check: ``python -m workers.api.health`` asks ``/healthz`` of this host."""

from __future__ import annotations

import http.client
import os
import sys

from thoth_infra.contract.services import API_PORT

_TIMEOUT_SECONDS = 5.0


def problem(port: int) -> str | None:
    """Return what is wrong with the API that listens on ``port``; None when it is well."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/healthz")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"the API does not answer on port {port}: {error}"
    finally:
        connection.close()
    return None if status == http.client.OK else f"the API answers {status}"


def main() -> int:
    """Return 0 when the API is well, else 1 with the reason on standard error."""
    found = problem(int(os.environ.get("PORT", API_PORT)))
    if found:
        sys.stderr.write(found + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
