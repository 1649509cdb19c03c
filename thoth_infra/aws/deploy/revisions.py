"""New revisions of task definitions: Terraform's own, with another image and nothing else changed."""

from __future__ import annotations

from typing import Any, Final

from thoth_infra.aws.clients import Clients

# What DescribeTaskDefinition adds and RegisterTaskDefinition does not take.
_ANSWERED: Final = frozenset(
    {
        "taskDefinitionArn",
        "revision",
        "status",
        "requiresAttributes",
        "compatibilities",
        "registeredAt",
        "deregisteredAt",
        "registeredBy",
    }
)


def family(revision: str) -> str:
    """Return the family of a task definition's ARN."""
    return revision.rpartition("/")[2].rpartition(":")[0]


def latest(clients: Clients, name: str) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """Return the newest revision of a family and its tags.

    The newest and not the one that runs: Terraform registers a revision when it changes the template, and leaves it to
    the next deployment to use it.
    """
    answer = clients("ecs").describe_task_definition(taskDefinition=name, include=["TAGS"])
    return dict(answer["taskDefinition"]), list(answer.get("tags", ()))


def with_image(definition: dict[str, Any], container: str, image: str) -> dict[str, Any]:
    """Return what registers a revision that differs from ``definition`` in one container's image."""
    kept = {key: value for key, value in definition.items() if key not in _ANSWERED and value is not None}
    kept["containerDefinitions"] = [
        {**one, "image": image} if one["name"] == container else one for one in definition["containerDefinitions"]
    ]
    return kept


def image_of(definition: dict[str, Any], container: str) -> str:
    """Return the image of a container."""
    return next((str(one["image"]) for one in definition["containerDefinitions"] if one["name"] == container), "")


def register(clients: Clients, name: str, container: str, image: str) -> str:
    """Return the ARN of a revision of the family with this image: the newest one, or else one that is made now."""
    definition, tags = latest(clients, name)
    if image_of(definition, container) == image:
        return str(definition["taskDefinitionArn"])
    wanted = with_image(definition, container, image)
    made = clients("ecs").register_task_definition(**wanted, **({"tags": tags} if tags else {}))
    return str(made["taskDefinition"]["taskDefinitionArn"])
