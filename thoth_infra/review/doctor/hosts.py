"""The GPU hosts: the AMI they start from, their driver, their agents."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from thoth_infra.review.doctor.account import age
from thoth_infra.review.doctor.context import Context
from thoth_infra.review.doctor.findings import Answer, fail, ok, skipped, some, warn
from thoth_infra.review.doctor.registry import check

RECOMMENDED: Final = "/aws/service/ecs/optimized-ami/amazon-linux-2023/gpu/recommended/image_id"
AMI_AGE: Final = timedelta(days=90)
IMAGE_LOCK: Final = "requirements/transcription.lock"
_CUDA: Final = re.compile(r"^nvidia-cublas-cu(\d+)==(\d+\.\d+)", re.MULTILINE)
#: The ECS agent tells the driver in the name of an attribute that has no value.
_DRIVER: Final = "ecs.capability.nvidia-driver-version."
#: The oldest driver that runs any release of a major version of CUDA (CUDA toolkit release notes, "minor version
#: compatibility").
DRIVERS: Final = {"11": (450, 80, 2), "12": (525, 60, 13), "13": (580, 65, 6)}
_HOSTS: Final = ("ecs:ListContainerInstances", "ecs:DescribeContainerInstances")
_AMIS: Final = ("ec2:DescribeLaunchTemplateVersions", "ec2:DescribeImages", "ssm:GetParameter")


@check("gpu-ami", "estate", actions=_AMIS)
def gpu_ami(context: Context) -> Answer:
    """New GPU hosts start from an AMI that is there, supported, and not months old."""
    newest = context.clients("ssm").get_parameter(Name=RECOMMENDED)["Parameter"]["Value"]
    used = {pool: _ami(context, pool) for pool in context.env.gpu_pools}
    # By filter: one that is gone would make a request by id fail as a whole.
    found = context.clients("ec2").describe_images(
        Filters=[{"Name": "image-id", "Values": sorted({newest, *used.values()})}], IncludeDeprecated=True
    )
    images = {image["ImageId"]: image for image in found["Images"]}
    answers = [_judge(context, pool, ami, images.get(ami), newest) for pool, ami in used.items()]
    return next((a for state in ("fail", "warn") for a in answers if a.state == state), answers[0])


def _ami(context: Context, pool: str) -> str:
    versions = context.clients("ec2").describe_launch_template_versions(
        LaunchTemplateName=f"{context.env.prefix}-{pool}", Versions=["$Latest"]
    )
    return str(versions["LaunchTemplateVersions"][0]["LaunchTemplateData"]["ImageId"])


def _judge(context: Context, pool: str, ami: str, image: dict[str, Any] | None, newest: str) -> Answer:
    pinned = context.env.gpu_pools[pool].ami_id
    mend = f"set gpu_pools.{pool}.ami_id to {newest}, then " if pinned else ""
    mend += context.thoth("apply")
    if image is None:
        return fail(f"{ami} of pool {pool} is not there any more: no host starts", mend)
    if (until := image.get("DeprecationTime")) and age(datetime.fromisoformat(until), context) > timedelta():
        return fail(f"{ami} of pool {pool} is deprecated since {until[:10]}", mend)
    days = age(datetime.fromisoformat(image["CreationDate"]), context).days
    if ami == newest:
        return ok(f"{ami}, the recommended one, {days} days old")
    if days > AMI_AGE.days:
        return warn(f"{ami} of pool {pool} is {days} days old, and not the recommended one", mend)
    return ok(f"{ami}, {days} days old")


def _container_instances(context: Context) -> Iterator[dict[str, Any]]:
    ecs, cluster = context.clients("ecs"), context.env.prefix
    for page in ecs.get_paginator("list_container_instances").paginate(cluster=cluster):
        if arns := page["containerInstanceArns"]:
            yield from ecs.describe_container_instances(cluster=cluster, containerInstances=arns)["containerInstances"]


@check("gpu-agents", "estate", actions=_HOSTS)
def gpu_agents(context: Context) -> Answer:
    """The ECS agents of all GPU hosts are connected."""
    rows = list(_container_instances(context))
    if not rows:
        return skipped("no GPU host runs")
    lost = [row["ec2InstanceId"] for row in rows if not row["agentConnected"]]
    if lost:
        return fail(
            f"no tasks reach {some(lost)}: the agent is not connected",
            context.aws(f"ec2 terminate-instances --instance-ids {' '.join(sorted(lost))}"),
        )
    return ok(f"{len(rows)} connected")


@check("gpu-driver", "estate", actions=_HOSTS)
def gpu_driver(context: Context) -> Answer:
    """The driver in the hosts' AMI runs the CUDA in the transcription image."""
    lock = context.root / IMAGE_LOCK
    cuda = _CUDA.search(lock.read_text(encoding="utf-8")) if lock.is_file() else None
    if cuda is None:
        return skipped(f"{IMAGE_LOCK} names no CUDA")
    rows = list(_container_instances(context))
    if not rows:
        return skipped(f"no GPU host runs; the image has CUDA {cuda[2]}")
    drivers = {_driver(row) for row in rows} - {None}
    if not drivers:
        return warn("the hosts tell no driver: is it a GPU AMI?", context.thoth("gpu-status"))
    least = DRIVERS.get(cuda[1])
    if least is None:
        return warn(f"nobody has said here which driver CUDA {cuda[1]} needs", "add it to DRIVERS in doctor/hosts.py")
    old = [driver for driver in drivers if driver and tuple(map(int, driver.split("."))) < least]
    if old:
        return fail(
            f"driver {some(old)}, and the image's CUDA {cuda[2]} needs {'.'.join(map(str, least))}",
            f"take a newer AMI (gpu_pools.*.ami_id), then {context.thoth('apply')}",
        )
    return ok(f"driver {some(d for d in drivers if d)} for CUDA {cuda[2]}")


def _driver(row: dict[str, Any]) -> str | None:
    names = (attribute["name"] for attribute in row.get("attributes", ()))
    return next((name.removeprefix(_DRIVER) for name in names if name.startswith(_DRIVER)), None)
