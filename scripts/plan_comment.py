"""Write the one comment of a pull request that shows the plans of the environments that it changes."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from github_api import LIMIT, Repository

MARKER = "<!-- thoth-infra: plans -->"
_HEAD = 400
_CLOSING = 300  # what a cut adds: open folds are closed, and it is said how much is not shown
_FOLD, _UNFOLD = "<details>", "</details>"


def text(commit: str, environments: list[str], plans: Path) -> str:
    """Return the comment's text: a plan of each environment, each with its fair share of the room."""
    lines = [f"Plans for {commit[:12]}"]
    if not environments:
        lines.append("No environment's tree changes.")
    found = {name: _plan(name, plans) for name in environments}
    rooms = shares({name: len(plan) for name, plan in found.items()}, LIMIT - _HEAD)
    lines += [cut(plan, rooms[name]) for name, plan in found.items()]
    return "\n\n".join(lines) + "\n"


def _plan(name: str, plans: Path) -> str:
    file = plans / f"{name}.md"
    plan = file.read_text(encoding="utf-8").strip() if file.is_file() else ""
    return plan or f"### Plan for `{name}`\n\n**It could not be made**: see the job *Plan {name}*."


def shares(wanted: dict[str, int], room: int) -> dict[str, int]:
    """Share out ``room`` characters: who wants little gets it all, and the others divide what that leaves."""
    found: dict[str, int] = {}
    for left, name in zip(range(len(wanted), 0, -1), sorted(wanted, key=wanted.__getitem__), strict=True):
        found[name] = min(wanted[name] + 2, room // left)
        room -= found[name]
    return found


def cut(plan: str, room: int) -> str:
    """Return what of a plan there is room for, from its start: the worst stands first, so that it stays."""
    if len(plan) + 2 <= room:
        return plan
    lines = plan.split("\n")
    kept, left = 0, room - _CLOSING
    while kept < len(lines) and (left := left - len(lines[kept]) - 1) >= 0:
        kept += 1
    shown, hidden = lines[:kept], lines[kept:]
    opened = sum(line.count(_FOLD) - line.count(_UNFOLD) for line in shown)
    items = sum(line.startswith("- ") for line in hidden)
    said = f"**… cut here: {items} more entries are not shown.** The whole plan is in the run's summary."
    return "\n".join([*shown, *([_UNFOLD] * opened), "", said])


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
