"""The policies in Terraform's JSON of a plan or a state, by the address of the resource that carries them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from thoth_infra.review.iam.document import Document, parse

# The attributes that hold policies; every other type of resource holds its own in `policy`.
_ATTRIBUTES = {"aws_iam_role": "assume_role_policy"}
# Their `policy` is JSON too, but of another language.
_NO_POLICIES = {"aws_ecr_lifecycle_policy"}


@dataclass(frozen=True)
class Role:
    """A role by its name: who may assume it, what it carries, and the ARNs of managed policies that it has besides."""

    name: str
    trust: Document
    inline: tuple[Document, ...]
    attached: tuple[str, ...]


def policies(shown: Mapping[str, Any]) -> dict[str, Document]:
    """Return every policy that is known in the output of ``terraform show -json``, by address.

    ``unknown`` names those that only the apply will know. Raises PolicyUnreadable.
    """
    found = {}
    for resource in resources(shown):
        text = resource["values"].get(_attribute(resource["type"]))
        if text and resource["type"] not in _NO_POLICIES:
            found[resource["address"]] = parse(text)
    return found


def unknown(plan: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the addresses of planned resources whose policy is not known before the apply."""
    return tuple(
        change["address"]
        for change in plan.get("resource_changes", ())
        if (change["change"].get("after_unknown") or {}).get(_attribute(change["type"]))
    )


def roles(shown: Mapping[str, Any]) -> dict[str, Role]:
    """Return every role by its name, with what it is known to carry."""
    known = policies(shown)
    trusts: dict[str, Document] = {}
    inline: dict[str, list[Document]] = {}
    attached: dict[str, list[str]] = {}
    for resource in resources(shown):
        values, address = resource["values"], resource["address"]
        role = values.get("role") or ""  # not known while the role itself is only planned
        match resource["type"]:
            case "aws_iam_role":
                trusts[values["name"]] = known[address]
            case "aws_iam_role_policy" if address in known:
                inline.setdefault(role, []).append(known[address])
            case "aws_iam_role_policy_attachment":
                attached.setdefault(role, []).append(values["policy_arn"])
    return {
        name: Role(name, trust, tuple(inline.get(name, ())), tuple(attached.get(name, ())))
        for name, trust in trusts.items()
    }


def resources(shown: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield every managed resource of a plan (as it will be) or of a state, those of modules included."""
    root = (shown.get("planned_values") or shown.get("values") or {}).get("root_module", {})
    yield from (each for each in _walk(root) if each["mode"] == "managed" and "values" in each)


def _walk(module: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from module.get("resources", ())
    for child in module.get("child_modules", ()):
        yield from _walk(child)


def _attribute(kind: str) -> str:
    return _ATTRIBUTES.get(kind, "policy")
