"""What moto does differently from AWS, put right until hashicorp/aws creates, plans again and destroys cleanly.

One module per service, imported (with the part of moto that it corrects) just before that service's first request,
because importing all of moto's services takes longer than most commands' whole use of the emulator.
"""

from __future__ import annotations

from importlib import import_module
from threading import Lock

from thoth_infra.emulator.patches.registry import PATCHES, Patch

# moto's name of the service → the modules here that correct it, the later ones around the earlier
MODULES = {
    "applicationautoscaling": ("appautoscaling",),
    "autoscaling": ("autoscaling",),
    "backup": ("backup",),
    "budgets": ("budgets",),
    "cloudtrail": ("cloudtrail",),
    "cloudwatch": ("cloudwatch",),
    "codedeploy": ("codedeploy", "codedeploy_ecs"),
    "core": ("core",),
    "ec2": ("ec2",),
    "ecr": ("ecr", "ecr_scan"),
    "ecs": ("ecs", "ecs_world", "ecs_tasks", "ecs_hosts"),
    "efs": ("efs",),
    "iam": ("iam",),
    "logs": ("logs", "logs_events", "logs_insights"),
    "rds": ("rds",),
    "route53": ("route53",),
    "s3": ("s3",),
    "secretsmanager": ("secretsmanager",),
    "servicequotas": ("servicequotas",),
    "sns": ("sns",),
    "sqs": ("sqs", "sqs_moves"),
}

_applied: set[str] = set()
_lock = Lock()


def apply(*services: str) -> list[Patch]:
    """Apply the patches of these services (all of them when none is named) that moto needs and has not had yet."""
    with _lock:
        done = []
        for service in services or MODULES:
            if service in MODULES and service not in _applied:
                _applied.add(service)
                for module in MODULES[service]:
                    import_module(f"{__name__}.{module}")
                done += [_apply(found) for found in PATCHES if found.service == service and found.needed()]
        return done


def _apply(found: Patch) -> Patch:
    found.apply()
    return found
