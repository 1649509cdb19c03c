"""Keep one issue open while an environment has drifted, and close it when it has not any more."""

from __future__ import annotations

import argparse
from pathlib import Path

from github_api import Repository

DRIFT = 2


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--environment", required=True)
    parser.add_argument("--code", type=int, choices=(0, DRIFT), required=True, help="exit code of `thoth-infra drift`")
    parser.add_argument("--found", type=Path, required=True, help="what it printed")
    given = parser.parse_args()
    marker = f"<!-- thoth-infra: drift of {given.environment} -->"
    if given.code != DRIFT:
        print("\n".join(Repository().close_issues(marker, "The drift is gone.")) or "no drift")
        return
    found = given.found.read_text(encoding="utf-8").strip()
    body = (
        f"Changed outside Terraform in `{given.environment}`:\n\n```\n{found}\n```\n\n"
        f"`thoth-infra plan --env {given.environment}` shows what an apply would change back; docs/runbook.md tells"
        " what to do. This issue is written anew every night, and closes itself.\n"
    )
    print(Repository().open_issue(marker, f"Drift in {given.environment}", body))


if __name__ == "__main__":
    main()
