"""What a container does is written into its image, as annotations of the manifest that was pushed.

So a deployment fails here for the reason that it would fail on AWS: because of the image that it names. An image
without these annotations runs until it is told to stop, and passes its health checks.

=================================  ==================================================================
``thoth.emulator/exit``            ends with this code, ``CODE`` or ``CODE@SECONDS`` after its start
``thoth.emulator/out-of-memory``   is killed for its memory, after so many seconds
``thoth.emulator/health``          ``fail``: its health check fails
``thoth.emulator/load-balancer``   ``fail``: the load balancer's health check fails
``thoth.emulator/run/WORD``        a one-off task whose command holds WORD ends with this code
``thoth.emulator/says``            lines that it logs at its start
``thoth.emulator/digest``          stands for the image of this digest, which was pushed elsewhere
=================================  ==================================================================
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from thoth_infra.emulator.ecs.records import Behaviour

PREFIX = "thoth.emulator/"
_ECR = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com/(?P<repository>[^:@]+)"
    r"(?::(?P<tag>[^@]+))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


def in_ecr(image: str) -> dict[str, str] | None:
    """Split an ECR image's reference into account, region, repository, tag and digest; None for another registry's."""
    found = _ECR.fullmatch(image)
    return {key: value or "" for key, value in found.groupdict().items()} if found else None


def behaviour(annotations: Mapping[str, str], digest: str = "") -> Behaviour:
    """Read what an image's annotations say."""
    said = {key.removeprefix(PREFIX): value for key, value in annotations.items() if key.startswith(PREFIX)}
    code, _, after = said.get("exit", "").partition("@")
    memory = said.get("out-of-memory")
    return Behaviour(
        digest=digest,
        exit_code=137 if memory is not None else int(code) if code else None,
        exit_after=float(memory or after or 1.0),
        out_of_memory=memory is not None,
        healthy=said.get("health") != "fail",
        answers_load_balancer=said.get("load-balancer") != "fail",
        runs=tuple((key.removeprefix("run/"), int(value)) for key, value in said.items() if key.startswith("run/")),
        says=tuple(said.get("says", "").splitlines()),
    )
