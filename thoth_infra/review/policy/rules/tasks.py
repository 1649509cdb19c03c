"""What containers run and what they are told."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from thoth_infra.contract.services import BY_NAME
from thoth_infra.contract.variables import SecretArn
from thoth_infra.review.policy.findings import Finding
from thoth_infra.review.policy.plan import Plan, Resource

DIGESTS: Final = "image-by-digest"
SECRETS: Final = "no-secret-in-environment"

_DIGEST: Final = re.compile(r"@sha256:[0-9a-f]{64}$")
# It says where a secret is, to those alone who may read it.
_SECRET_ARN: Final = re.compile(r"arn:[^:]+:secretsmanager:")
_SECRET_WORDS: Final = frozenset({"CREDENTIAL", "CREDENTIALS", "KEY", "PASSWORD", "SECRET", "TOKEN"})


@dataclass(frozen=True)
class Container:
    """A container: its image and the names of its plain variables, without those that hold a secret's ARN."""

    address: str
    name: str
    image: str
    plain: tuple[str, ...]


def digests(plan: Plan) -> Iterator[Finding]:
    """Yield images by tag: nobody can tell which image a tag was when a task started."""
    for container in containers(plan):
        if not _DIGEST.search(container.image):
            wrong = f"tag-only image {container.image}"
            right = "`thoth-infra images push` (or `images lock`) records its digest for `thoth-infra render`"
            yield Finding(DIGESTS, container.address, wrong, right)


def secrets(plan: Plan) -> Iterator[Finding]:
    """Yield plain variables that are named like a secret: whoever reads the task definition reads them."""
    seen = set()
    for container in containers(plan):
        seen.add(container.address)
        for name in container.plain:
            if _SECRET_WORDS & set(name.upper().split("_")):
                wrong = f"{container.name} gets {name} as a plain variable"
                right = "give it by `secrets`: a SecretField in thoth_infra/contract/services.py"
                yield Finding(SECRETS, container.address, wrong, right)
    for definition in plan.of("aws_ecs_task_definition"):
        if definition.address not in seen:
            right = "make it of var.services, as the others are"
            yield Finding(SECRETS, definition.address, "nothing is known of its containers before apply", right)


def containers(plan: Plan) -> Iterator[Container]:
    """Yield the containers of every task definition, as far as they are known before apply."""
    for definition in plan.of("aws_ecs_task_definition"):
        text = definition.get("container_definitions")
        if text:
            for body in json.loads(text):
                given = {variable["name"]: variable["value"] for variable in body.get("environment") or ()}
                plain = tuple(name for name, value in given.items() if not _SECRET_ARN.match(value))
                yield Container(definition.address, body["name"], body["image"], plain)
        else:
            yield from _from_variables(plan, definition)


def _from_variables(plan: Plan, definition: Resource) -> Iterator[Container]:
    """Read a definition whose JSON waits for a queue's URL from what it is made of: tfvars and the contract."""
    name = str(definition.key)
    given = (plan.variable("services") or {}).get(name)
    if given and name in BY_NAME:
        referred = (one.name for one in BY_NAME[name].environment if not isinstance(one.source, SecretArn))
        yield Container(definition.address, name, given["image"], tuple(sorted({*given["environment"], *referred})))
