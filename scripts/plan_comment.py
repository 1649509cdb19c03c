"""Write the one comment of a pull request that shows the plans of the environments that it changes."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from github_api import LIMIT, Repository

MARKER = "<!-- thoth-infra: plans -->"
_HEAD = 400


def text(commit: str, environments: list[str], plans: Path) -> str:
    """Return the comment's text: a plan of each environment, each with its fair share of the room."""
    lines = [f"Plans for {commit[:12]}"]
    if not environments:
        lines.append("No environment's tree changes.")
    room = (LIMIT - _HEAD) // max(len(environments), 1) - _HEAD
    for name in environments:
        file = plans / f"{name}.md"
        plan = file.read_text(encoding="utf-8").strip() if file.is_file() else ""
        if not plan:
            plan = f"### Plan for `{name}`\n\n**It could not be made**: see the job *Plan {name}*."
        if len(plan) > room:
            plan = plan[:room].rpartition("\n")[0] + "\n\n… cut here: the whole plan is in the run's summary."
        lines.append(plan)
    return "\n\n".join(lines) + "\n"


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--number", type=int, required=True, help="of the pull request")
    parser.add_argument("--commit", required=True)
    parser.add_argument("--of", required=True, help='JSON: [{"environment": "staging", …}, …]')
    parser.add_argument("--plans", type=Path, required=True, help="folder of ENVIRONMENT.md")
    given = parser.parse_args()
    environments = [row["environment"] for row in json.loads(given.of)]
    print(Repository().write_comment(given.number, MARKER, text(given.commit, environments, given.plans)))


if __name__ == "__main__":
    main()
