"""What ECS, CodeDeploy and EC2 say when something does not run, what it means, and what mends it.

The table is matched against stopped reasons, service events, scaling activities and deployment errors while a
deployment is watched, and is printed as a part of docs/runbook.md. The first row that matches counts, so the specific
ones stand first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Diagnosis:
    """One row: how it shows, why that is, and what to do."""

    name: str
    shows: str
    """A regular expression, not anchored, without regard to case."""
    cause: str
    fix: str

    def matches(self, text: str) -> bool:
        """Whether this is what a message is about."""
        return re.search(self.shows, text, re.IGNORECASE | re.DOTALL) is not None


TABLE: Final[tuple[Diagnosis, ...]] = (
    Diagnosis(
        "wrong processor",
        r"exec format error",
        "the image was built for another processor than the task's",
        "build it for linux/amd64: `thoth-infra images build` on such a machine, or with `docker buildx --platform`",
    ),
    Diagnosis(
        "image missing",
        r"CannotPullContainerError.*(not found|manifest unknown|does not exist)",
        "the registry has no image of this tag or digest",
        "push it with `thoth-infra images push`; `images list` shows what is there (a lifecycle rule may remove some)",
    ),
    Diagnosis(
        "image refused",
        r"CannotPullContainerError.*(403|denied|no basic auth|unauthorized|AccessDenied)",
        "the execution role may not pull, or the repository's policy does not name this account",
        "apply the shared account's side (`thoth-infra plan --env shared`); the repository's policy must name the role",
    ),
    Diagnosis(
        "disk full",
        r"no space left on device",
        "the host's disk, or the task's ephemeral storage, is full",
        "raise `gpu_pools.NAME.volume_gib`; a host that ran for weeks is best replaced",
    ),
    Diagnosis(
        "registry not reached",
        r"CannotPullContainerError.*(timeout|timed out|deadline|canceled|connection refused|dial tcp)",
        "the task has no way to the registry: no NAT, no endpoints, or a security group without HTTPS outward",
        "`thoth-infra drift` tells whether a route or rule was changed; ECR needs ecr.api, ecr.dkr and the S3 gateway",
    ),
    Diagnosis(
        "secret not read",
        r"ResourceInitializationError.*(secret|ssm)",
        "a secret has no value yet, or the execution role may not read or decrypt it",
        "`thoth-infra doctor` names the secrets without a value; `drift` compares role and key with the rendered ones",
    ),
    Diagnosis(
        "file system not mounted",
        r"(ResourceInitializationError|CannotStartContainerError).*(EFS|mount\.nfs|file system)",
        "EFS refuses the mount: no mount target in the task's zone, a closed security group, or an access point gone",
        "`thoth-infra drift`; the security group of EFS must let in port 2049 from the service's group",
    ),
    Diagnosis(
        "log group missing",
        r"(ResourceInitializationError|CannotStartContainerError).*(log group|logger|awslogs|logging driver)",
        "the task can't open its log stream",
        "`thoth-infra doctor` names missing log groups; `plan` and `apply` make them again",
    ),
    Diagnosis(
        "no network interface",
        r"RESOURCE:ENI|Timeout waiting for network interface|NetworkInterfaceLimitExceeded|insufficient free addresses",
        "the host's network interfaces are all in use, the subnet has no free address, or the quota is reached",
        "a g4dn.xlarge holds two tasks; look at the subnets' free addresses, and at the quota of network interfaces",
    ),
    Diagnosis(
        "vCPU quota",
        r"VcpuLimitExceeded|vCPU limit|VCPU_LIMIT|vCPU capacity than your current",
        "the account's quota of G and VT vCPUs is reached; a new account has 0",
        "ask for more: Service Quotas, EC2, L-DB2E81BA (on demand) or L-3819A6DF (spot); `doctor` shows both",
    ),
    Diagnosis(
        "no GPU capacity",
        r"InsufficientInstanceCapacity|do not have sufficient .*capacity|UnfulfillableCapacity|InsufficientCapacity",
        "AWS has no free instance of this type in these zones just now",
        "wait; name more types in `gpu_pools.NAME.spot.alternatives`, or raise `gpu_pools.NAME.on_demand.max`",
    ),
    Diagnosis(
        "spot interruption",
        r"SpotInterruption|Spot (instance|task) was interrupted|BidEvictedEvent",
        "AWS took a Spot instance back; the task's message went back to its queue",
        "nothing, if it is rare; else give the pool more instance types or a base of on-demand instances",
    ),
    Diagnosis(
        "host gone",
        r"Host EC2 .*terminated|container instance is draining|InstanceTerminated",
        "the instance under the task was ended",
        "`thoth-infra gpu-status` shows what is left; the capacity provider starts another one while tasks wait",
    ),
    Diagnosis(
        "GPU not detected",
        r"RESOURCE:GPU|no CUDA-capable device|NVIDIA[- ]?(driver|SMI)|libcuda|could not select device driver",
        "the host shows no GPU to the agent: not the GPU AMI, or its driver is older than the image's CUDA",
        "use the GPU-optimized AMI (`doctor` shows its age) and let the group refresh its instances",
    ),
    Diagnosis(
        "CUDA out of memory",
        r"CUDA.*out of memory|CUBLAS_STATUS_ALLOC_FAILED|CUDNN_STATUS_ALLOC_FAILED",
        "the model with its batch does not fit the GPU's memory",
        "lower `whisper.batch_size`, set `whisper.compute_type` to int8_float16, or take a larger GPU",
    ),
    Diagnosis(
        "out of memory",
        r"OutOfMemory|OOM",
        "the container used more memory than its task has",
        "raise `services.NAME.launch.memory_mib`; `env explain` names its line",
    ),
    Diagnosis(
        "settings refused",
        r"Essential container in task exited.*exit code 2\b",
        "the worker refuses its settings: a variable is missing or wrong, and its log says which",
        "`thoth-infra logs SERVICE --since 1h`; image and task definition must come from the same commit",
    ),
    Diagnosis(
        "killed",
        r"exit code 137|SIGKILL",
        "the container was killed: it did not stop in its time, or its memory ran out",
        "look at memory in the dashboard; a worker hands its message back on SIGTERM, which takes less than 5 s",
    ),
    Diagnosis(
        "load balancer health check",
        r"ELB health checks|unhealthy in target-group|Target\.(ResponseCodeMismatch|Timeout|FailedHealthChecks)",
        "the API does not answer GET /healthz with 200 in time: it starts slowly, or the database does not answer it",
        "`thoth-infra logs api --since 1h`; `exec api` reaches a running task",
    ),
    Diagnosis(
        "container health check",
        r"container health checks|HealthCheck(Failed)?\b.*unhealthy|is unhealthy",
        "the container's own health check fails: its loop stands still, or it needs longer to start than it is given",
        "`thoth-infra logs SERVICE`; a model that is loaded for the first time takes minutes (start_period)",
    ),
    Diagnosis(
        "container exits",
        r"Essential container in task exited|CannotStartContainerError|exited with code",
        "the program ends by itself soon after its start",
        "its last lines say why: `thoth-infra logs SERVICE --since 1h`",
    ),
    Diagnosis(
        "no host for the task",
        r"unable to place a task|no container instance met|RESOURCE:(CPU|MEMORY)|MemberOf placement constraint",
        "no GPU host has room: none has joined the cluster yet (5 to 10 minutes), or the group is at its maximum",
        "`thoth-infra gpu-status`; the pool's `max` in environments/ENV.yaml bounds the group",
    ),
    Diagnosis(
        "Fargate capacity",
        r"Capacity is unavailable at this time|Fargate.*capacity",
        "Fargate has no capacity in these zones just now",
        "wait; for Fargate Spot give the service a base of on-demand tasks",
    ),
    Diagnosis(
        "role not assumed",
        r"unable to assume the role|unable to assume.*service-linked role|not authorized to perform: iam:PassRole",
        "ECS may not use the task's role: it is gone, or trusts somebody else",
        "`thoth-infra drift` names the role; apply it again",
    ),
    Diagnosis(
        "alarm",
        r"ALARM_ACTIVE|alarm .* is in ALARM|alarms have been activated",
        "an alarm that guards deployments went off while this one ran",
        "the alarm's description says what it watches; `thoth-infra insights errors` shows the errors of the hour",
    ),
    Diagnosis(
        "stopped by hand",
        r"MANUAL_STOP|stopped by a user|UserInitiated|Task stopped by user",
        "somebody stopped it in the console or with a command",
        "ask in #tfs-infrastructure; CloudTrail knows who",
    ),
    Diagnosis(
        "replacement never healthy",
        r"timed out while waiting for the replacement task set",
        "the new API tasks were not healthy within CodeDeploy's hour",
        "`thoth-infra logs api --since 2h`",
    ),
    Diagnosis(
        "throttled",
        r"ThrottlingException|Rate exceeded|RequestLimitExceeded|TooManyRequests",
        "AWS throttles this account's requests",
        "wait a minute and go on with --resume; something else may be polling the account",
    ),
    Diagnosis(
        "circuit breaker",
        r"circuit breaker",
        "ECS gave up after several new tasks in a row had failed",
        "the tasks' own reasons stand beside this line, or in `thoth-infra logs SERVICE`",
    ),
)


def diagnose(text: str) -> Diagnosis | None:
    """Return the first row that a message matches."""
    return next((row for row in TABLE if row.matches(text)), None)


def most_telling(seen: Iterable[str]) -> Diagnosis | None:
    """Return the most specific diagnosis among several messages: the row that stands first in the table."""
    found = [row for text in seen if (row := diagnose(text)) is not None]
    return min(found, key=TABLE.index, default=None)


def markdown(rows: Sequence[Diagnosis] = TABLE) -> str:
    """Return the table as docs/runbook.md has it."""
    lines = ["| what | shows as | cause | what helps |", "| --- | --- | --- | --- |"]
    for row in rows:
        shows = " · ".join(f"`{part}`" for part in _readable(row.shows))
        lines.append(f"| {row.name} | {shows} | {row.cause} | {row.fix} |")
    return "\n".join(lines) + "\n"


def _readable(pattern: str) -> list[str]:
    """Turn a pattern of ours into the phrases that it looks for."""
    depth, parts, part = 0, [], ""
    for sign in pattern:
        depth += (sign == "(") - (sign == ")")
        if sign == "|" and depth == 0:
            parts.append(part)
            part = ""
        else:
            part += sign
    phrases = [*parts, part]
    return [re.sub(r"\\b|[()?]|\\", "", phrase).replace(".*", " … ").replace("|", ", ") for phrase in phrases]
