"""Rules between sections. Each yields the key that a person would mend, what is wrong, what would be right.

A rule may meet an environment that lacks what was refused by itself; the rule then ends in AttributeError,
and ``violations`` leaves it at that. So a rule judges one thing, and rules about a service are asked one
service at a time.
"""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeAlias

from thoth_infra.config import service_rules
from thoth_infra.config.section import Violation

if TYPE_CHECKING:
    from thoth_infra.config.environment import Environment

Rule: TypeAlias = "Callable[[Environment], Iterator[Violation]]"

PRODUCTION = "production"
# Set by Thoth itself: provider default tags, and a name where AWS shows one.
RESERVED_TAGS = ("Project", "Environment", "ManagedBy", "Name")


def violations(env: Environment, *, incomplete: bool = False) -> Iterator[Violation]:
    """Yield every violation of every rule.

    With ``incomplete``, a rule that needs what ``env`` has not got says what it can and ends.
    """
    for rule in RULES:
        with contextlib.suppress(AttributeError) if incomplete else contextlib.nullcontext():
            yield from rule(env)
    services = env.services.by_name() if not incomplete or "services" in env.__dict__ else {}
    for name in services:
        for service_rule in service_rules.RULES:
            with contextlib.suppress(AttributeError) if incomplete else contextlib.nullcontext():
                yield from service_rule(env, name)


def _subnets(env: Environment) -> Iterator[Violation]:
    if env.network.vpc_id:
        return  # none of them is made
    vpc = ipaddress.IPv4Network(env.network.cidr)
    seen: list[tuple[str, ipaddress.IPv4Network]] = []
    for tier, cidrs in env.network.subnets.tiers().items():
        for index, cidr in enumerate(cidrs):
            key, network = f"network.subnets.{tier}.{index}", ipaddress.IPv4Network(cidr)
            if not network.subnet_of(vpc):
                yield Violation(key, f"{cidr} is outside the VPC's {vpc}", f"choose a network inside {vpc}")
            for other_key, other in seen:
                if network.overlaps(other):
                    yield Violation(key, f"{cidr} overlaps {other} ({other_key})", "choose a free network")
            seen.append((key, network))


def _peering(env: Environment) -> Iterator[Violation]:
    peering = env.network.peering
    if peering is None:
        return
    if not peering.vpc_id:
        yield Violation("network.peering.vpc_id", "the peer's VPC id is empty", "give the shared account's VPC")
    if ipaddress.IPv4Network(peering.cidr).overlaps(ipaddress.IPv4Network(env.network.cidr)):
        yield Violation(
            "network.peering.cidr",
            f"the peer's {peering.cidr} overlaps this VPC's {env.network.cidr}",
            "peered networks must not overlap: move this VPC (network.cidr)",
        )


def _existing_vpc(env: Environment) -> Iterator[Violation]:
    existing, vpc_id = env.network.existing_subnets, env.network.vpc_id
    tiers = {"public": existing.public, "private": existing.private, "isolated": existing.isolated}
    for tier, ids in tiers.items():
        key = f"network.existing_subnets.{tier}"
        if vpc_id and len(ids) < 2:
            yield Violation(
                key,
                f"the existing VPC {vpc_id} needs its {tier} subnets by id",
                "give at least two, in different availability zones",
            )
        if ids and not vpc_id:
            yield Violation(key, "subnets of an existing VPC are given, but no VPC", "give network.vpc_id too")
    seen: set[str] = set()
    for tier, ids in tiers.items():
        for index, subnet in enumerate(ids):
            if subnet in seen:
                key = f"network.existing_subnets.{tier}.{index}"
                yield Violation(key, f"{subnet} is named twice", "give each tier subnets of its own")
            seen.add(subnet)


def _zones(env: Environment) -> Iterator[Violation]:
    for index, zone in enumerate(env.network.availability_zones):
        if zone[:-1] != env.region:
            yield Violation(
                f"network.availability_zones.{index}",
                f"{zone} is not in the region {env.region}",
                f"use {env.region}a, {env.region}b, …",
            )


def _domain(env: Environment) -> Iterator[Violation]:
    domain = env.domain
    if domain and domain.name != domain.zone and not domain.name.endswith(f".{domain.zone}"):
        yield Violation(
            "domain.name",
            f"{domain.name} is not inside the zone {domain.zone}",
            f"use a name that ends in .{domain.zone}",
        )


def _state(env: Environment) -> Iterator[Violation]:
    if env.name not in env.state.key.split("/")[:-1]:
        yield Violation(
            "state.key",
            f"{env.state.key} does not carry the environment's name as a folder",
            f"use {env.name}/terraform.tfstate, so that no two environments share a state",
        )


def _accounts(env: Environment) -> Iterator[Violation]:
    if env.accounts.own == env.accounts.shared:
        yield Violation(
            "accounts.shared",
            f"{env.accounts.shared} is the environment's own account too",
            "give the shared-services account, which holds ECR and Route 53",
        )


def _tags(env: Environment) -> Iterator[Violation]:
    for tag in env.tags:
        if tag in RESERVED_TAGS:
            yield Violation(f"tags.{tag}", "Thoth sets this tag itself", "leave it out")


def _pools_used(env: Environment) -> Iterator[Violation]:
    launches = [service.launch for service in env.services.by_name().values()]
    used = {launch.pool for launch in launches if launch.type == "gpu"}
    if not used or not used <= set(env.gpu_pools):
        return  # a service that is launched wrongly leaves its pool unused
    for name in env.gpu_pools:
        if name not in used:
            yield Violation(f"gpu_pools.{name}", "no service runs on this pool", "remove it, or launch a service on it")


def _ffmpeg(env: Environment) -> Iterator[Violation]:
    ffmpeg, job = env.timeouts.ffmpeg_seconds, env.timeouts.audio_extraction.job_seconds
    if ffmpeg >= job:
        yield Violation(
            "timeouts.ffmpeg_seconds",
            f"{ffmpeg} is not below timeouts.audio_extraction.job_seconds ({job})",
            f"use less than {job}, so that FFmpeg ends before its job is given up",
        )


def _dead_letters(env: Environment) -> Iterator[Violation]:
    if env.queues.retention_days > env.queues.dead_letter_retention_days:
        yield Violation(
            "queues.dead_letter_retention_days",
            f"{env.queues.dead_letter_retention_days} is below queues.retention_days"
            f" ({env.queues.retention_days}): a dead letter's age counts from its first send",
            f"use at least {env.queues.retention_days}",
        )


def _erasure(env: Environment) -> Iterator[Violation]:
    kept = env.retention.transcripts_days
    if env.retention.job_files_days > kept:
        yield Violation(
            "retention.job_files_days",
            f"job folders ({env.retention.job_files_days} days) would outlive transcripts ({kept} days)",
            f"use at most {kept}, or raise retention.transcripts_days",
        )
    if env.retention.archive_after_days >= kept:
        yield Violation(
            "retention.archive_after_days",
            f"files would be archived after {env.retention.archive_after_days} days but erased after {kept}",
            f"use less than {kept}, or raise retention.transcripts_days",
        )


def _audit(env: Environment) -> Iterator[Violation]:
    if env.retention.audit_days < env.retention.logs_days:
        yield Violation(
            "retention.audit_days",
            f"the audit trail ({env.retention.audit_days} days) would end before the logs"
            f" ({env.retention.logs_days} days)",
            f"use at least {env.retention.logs_days}",
        )


def _records(env: Environment) -> Iterator[Violation]:
    """Records in a file of one task: nothing to protect, and nobody to share them with."""
    if env.database.engine == "postgres" or env.name == PRODUCTION:
        return  # production is refused altogether
    if env.protection.deletion_protection:
        yield Violation(
            "database.engine",
            "records in a file end with the task, and protection.deletion_protection says that they matter",
            "use engine: postgres",
        )
    if env.services.api.image is not None:
        yield Violation(
            "services.api.image",
            "without RDS the api runs the orchestrator too, which only Thoth's own image does",
            "leave it out, or use database.engine: postgres",
        )
    if env.services.api.scaling.bounds != (1, 1):
        yield Violation(
            "services.api.scaling",
            "without RDS every api task would have records of its own",
            "use kind: fixed and tasks: 1, or database.engine: postgres",
        )


def _production(key: str, holds: Callable[[Environment], bool], wrong: str, right: str) -> Rule:
    """Return the rule that ``holds`` in production."""

    def rule(env: Environment) -> Iterator[Violation]:
        if env.name == PRODUCTION and not holds(env):
            yield Violation(key, f"production {wrong}", right)

    return rule


RULES: tuple[Rule, ...] = (
    _subnets, _peering, _existing_vpc, _zones, _domain, _state, _accounts, _tags, _pools_used, _ffmpeg,
    _dead_letters, _erasure, _audit, _records,
    _production("protection.deletion_protection", lambda env: env.protection.deletion_protection,
                "must protect its database and load balancer from deletion", "use true"),
    _production("protection.final_snapshot", lambda env: env.protection.final_snapshot,
                "must leave a snapshot of a deleted database", "use true"),
    _production("protection.approval", lambda env: env.protection.approval == "manual",
                "must have each deployment approved by a person", "use manual"),
    _production("database.engine", lambda env: env.database.engine == "postgres",
                "must have its records in RDS", "use engine: postgres"),
    _production("database.multi_az", lambda env: env.database.engine != "postgres" or env.database.multi_az,
                "must have a database standby in another zone", "use true"),
    _production("database.backup_days", lambda env: env.database.engine != "postgres" or env.database.backup_days >= 14,
                "must keep backups for 14 days at least", "use 14 to 35"),
    _production("budget", lambda env: env.budget is not None,
                "must have a budget", "give budget.monthly_usd"),
    _production("domain", lambda env: env.domain is not None,
                "must have a domain, without which there is no TLS", "give domain.name and domain.zone"),
    _production("alarms.emails",
                lambda env: bool(env.alarms.emails) or env.alarms.slack_channel_id is not None,
                "must tell somebody of alarms", "give an address, or a Slack channel"),
)  # fmt: skip
