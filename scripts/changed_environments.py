"""Print, of the environments given as JSON, those whose committed tree changed since a commit."""

from __future__ import annotations

import argparse
import json
import subprocess


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--since", required=True, help="commit, for instance HEAD^1")
    parser.add_argument("--of", required=True, help='JSON: [{"environment": "staging", …}, …]')
    given = parser.parse_args()
    # Without renames: what moved out of an environment's folder changed there.
    command = ["git", "diff", "--name-only", "--no-renames", "-z", given.since, "HEAD", "--", "terraform"]
    names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")
    changed = {name.split("/")[1] for name in names if name.count("/") >= 2}
    print(json.dumps([row for row in json.loads(given.of) if row["environment"] in changed]))


if __name__ == "__main__":
    main()
