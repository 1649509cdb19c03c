"""What AWS offers: GPU instance types and Fargate sizes.

Instance figures: ``aws ec2 describe-instance-types``; prices: the packaged table of ``prices``, so that what is
rendered follows from the configuration and this version alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from thoth_infra.config import prices

PRICES_AS_OF = prices.packaged().price("ec2.g4dn.xlarge").as_of


@dataclass(frozen=True)
class InstanceType:
    """A GPU instance type.

    Memory in MiB; GPU memory in whole GiB per GPU, as the driver reports it (an A10G has 24 GB nominally);
    price in US dollars per hour.
    """

    name: str
    vcpus: int
    memory_mib: int
    gpus: int
    gpu_name: str
    gpu_memory_gib: int
    enis: int
    hourly: float

    @property
    def family(self) -> str:
        """The part before the dot, for instance ``g4dn``."""
        return self.name.partition(".")[0]

    @property
    def task_enis(self) -> int:
        """Network interfaces left for awsvpc tasks: the instance itself keeps one."""
        return self.enis - 1

    @property
    def task_cpu(self) -> int:
        """CPU units that tasks can reserve; the agent reserves none."""
        return self.vcpus * 1024

    @property
    def task_memory_mib(self) -> int:
        """Memory that tasks can reserve on any instance of this type.

        An instance registers less than its nominal memory (firmware, kernel, crash kernel), and not always
        the same; the 7.5 % is what Karpenter assumes too. ``ECS_RESERVED_MEMORY`` then keeps
        ``AGENT_RESERVE_MIB`` (see the launch template), so that no container starves the agent.
        """
        return self.memory_mib * 925 // 1000 - AGENT_RESERVE_MIB


AGENT_RESERVE_MIB = 512

_ROWS = (
    ("g4dn.xlarge", 4, 16, 1, "T4", 16, 3),
    ("g4dn.2xlarge", 8, 32, 1, "T4", 16, 3),
    ("g4dn.4xlarge", 16, 64, 1, "T4", 16, 3),
    ("g4dn.8xlarge", 32, 128, 1, "T4", 16, 4),
    ("g4dn.12xlarge", 48, 192, 4, "T4", 16, 8),
    ("g4dn.16xlarge", 64, 256, 1, "T4", 16, 4),
    ("g5.xlarge", 4, 16, 1, "A10G", 22, 4),
    ("g5.2xlarge", 8, 32, 1, "A10G", 22, 4),
    ("g5.4xlarge", 16, 64, 1, "A10G", 22, 8),
    ("g5.8xlarge", 32, 128, 1, "A10G", 22, 8),
    ("g5.12xlarge", 48, 192, 4, "A10G", 22, 15),
    ("g5.16xlarge", 64, 256, 1, "A10G", 22, 8),
    ("g6.xlarge", 4, 16, 1, "L4", 22, 4),
    ("g6.2xlarge", 8, 32, 1, "L4", 22, 4),
    ("g6.4xlarge", 16, 64, 1, "L4", 22, 8),
    ("g6.8xlarge", 32, 128, 1, "L4", 22, 8),
    ("g6.12xlarge", 48, 192, 4, "L4", 22, 8),
    ("g6.16xlarge", 64, 256, 1, "L4", 22, 15),
    ("g6e.xlarge", 4, 32, 1, "L40S", 44, 4),
    ("g6e.2xlarge", 8, 64, 1, "L40S", 44, 4),
    ("g6e.4xlarge", 16, 128, 1, "L40S", 44, 8),
    ("g6e.8xlarge", 32, 256, 1, "L40S", 44, 8),
    ("g6e.12xlarge", 48, 384, 4, "L40S", 44, 10),
    ("g6e.16xlarge", 64, 512, 1, "L40S", 44, 15),
)

GPU_INSTANCE_TYPES: dict[str, InstanceType] = {
    name: InstanceType(name, vcpus, gib * 1024, gpus, gpu, vram, enis, float(prices.packaged().hourly(name)))
    for name, vcpus, gib, gpus, gpu, vram, enis in _ROWS
}


# Task sizes of Fargate (Amazon ECS developer guide, "Task CPU and memory"): CPU units → memory in MiB.
FARGATE_SIZES: dict[int, tuple[int, ...]] = {
    256: (512, 1024, 2048),
    512: tuple(range(1024, 4096 + 1, 1024)),
    1024: tuple(range(2048, 8192 + 1, 1024)),
    2048: tuple(range(4096, 16384 + 1, 1024)),
    4096: tuple(range(8192, 30720 + 1, 1024)),
    8192: tuple(range(16384, 61440 + 1, 4096)),
    16384: tuple(range(32768, 122880 + 1, 8192)),
}


def shown_sizes(sizes: tuple[int, ...]) -> str:
    """Say ``sizes`` in words: each of a few, or the bounds and the step of many."""
    if len(sizes) <= 3:
        return f"{', '.join(map(str, sizes[:-1]))} or {sizes[-1]}"
    return f"{sizes[0]} to {sizes[-1]} in steps of {sizes[1] - sizes[0]}"
