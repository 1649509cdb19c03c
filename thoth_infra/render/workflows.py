"""What the templates of GitHub's workflows know: every environment's roles, and the pinned actions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from thoth_infra.config.environment import Environment

# By commit: a tag can be moved. Each was found under this version in several independent public repositories.
ACTIONS: Final = {
    "checkout": "actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0",
    "python": "actions/setup-python@e797f83bcb11b83ae66e0230d6156d7c80228e7c # v6.0.0",
    "credentials": "aws-actions/configure-aws-credentials@a03048d87541d1d9fcf2ecf528a4a65ba9bd7838 # v5.0.0",
    "upload": "actions/upload-artifact@ea165f8d65b6e75b540449e92b4886f43607fa02 # v4.6.2",
    "download": "actions/download-artifact@634f93cb2916e3fdff6788551b99b062d0335ce0 # v5.0.0",
}
RUNNER: Final = "ubuntu-24.04"
# As in the images.
PYTHON: Final = "3.12"


def workflow_variables(environments: Sequence[Environment]) -> dict[str, Any]:
    """Return what the templates below ``templates/github`` are expanded with; environments come by name."""
    known = {env.name: env for env in environments}
    return {
        "environments": known,
        "action": ACTIONS,
        "runner": RUNNER,
        "python": PYTHON,
        "role": lambda name, purpose: role(known[name], purpose),
    }


def role(env: Environment, purpose: str) -> str:
    """Return the ARN of one of the roles of templates/42-iam-github.tf.j2."""
    return f"arn:aws:iam::{env.accounts.own}:role/{env.prefix}-github-{purpose}"
