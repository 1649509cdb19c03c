"""Stopping all services and starting them as they were, exactly, whatever ends us in between.

::

    (nothing) ──> stopping ──> stopped ──> starting ──> resuming ──> started
                      ^           │            │            │           │
                      ╰───────────┴────────────┴────────────┴───────────╯

The numbers are written down before anything changes and stay until a later stop takes new ones. Each phase may be
run twice: stopping and starting bring each service to fixed numbers while nothing scales; only ``resuming``, which
touches no number, lets autoscaling act again. Each write names the version that it replaces, and before each change the
version must still stand, so that of two operators the later one goes on and the earlier one gives up.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from thoth_infra.aws import objects
from thoth_infra.aws.clients import Clients
from thoth_infra.aws.services import DIMENSION, SUSPENSIONS, Numbers, Place, described, numbers, scaling_of
from thoth_infra.errors import ThothError

ALL: Final = dict.fromkeys(SUSPENSIONS, True)
# A scaling activity that was under way when it was suspended may still set a number after us.
_ROUNDS: Final = 3


class Phase(StrEnum):
    """How far a stop or a start has come."""

    STOPPING = "stopping"
    STOPPED = "stopped"
    STARTING = "starting"
    """Bounds and desired counts are being put back; nothing scales yet."""
    RESUMING = "resuming"
    """All numbers are back; autoscaling is being let act again."""
    STARTED = "started"


class Memory(BaseModel):
    """What is remembered of a stop: by whom, since when, and every number of before."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    phase: Phase
    by: str
    """The ARN of who stopped the services."""
    at: AwareDatetime
    services: tuple[Numbers, ...]
    turn: str = ""
    """Differs in every write, so that no two writes are the same version."""

    @property
    def stopped(self) -> bool:
        """Whether services are, or may be, stopped."""
        return self.phase is not Phase.STARTED

    def moved(self, phase: Phase, services: tuple[Numbers, ...] | None = None) -> Memory:
        """Return the memory in another phase, and with other services where they are given."""
        return self.model_copy(update={"phase": phase, **({"services": services} if services else {})})


@dataclass(frozen=True)
class Stopped:
    """What stop-services did: what every service was, and since when they have been stopped."""

    services: tuple[Numbers, ...]
    since: datetime
    by: str


@dataclass(frozen=True)
class Started:
    """What start-services did: what every service is again, and which ones are gone since."""

    services: tuple[Numbers, ...]
    gone: tuple[str, ...] = ()


def recall(clients: Clients, place: Place) -> Memory | None:
    """Return what is remembered of a stop that was not undone; None where the services were not stopped."""
    held = _Store(clients, place).read()
    return held.memory if held is not None and held.memory.stopped else None


def stop(clients: Clients, place: Place, by: str, now: datetime | None = None) -> Stopped:
    """Suspend every service's autoscaling, bring it to zero, and remember what it was.

    A stop that was cut off, or comes upon one, keeps the earlier numbers. Raises ThothError when somebody else stops or
    starts at the same time, and when something keeps on changing the numbers.
    """
    store = _Store(clients, place)
    held, known = store.read(), numbers(clients, place)
    if held is not None and held.memory.stopped:
        remembered = {one.name for one in held.memory.services}
        new = tuple(one for one in known if one.name not in remembered)
        memory = held.memory.moved(Phase.STOPPING, (*held.memory.services, *new))
    else:
        memory = Memory(phase=Phase.STOPPING, by=by, at=now or datetime.now(UTC), services=known)
    held = store.write(memory, held)
    _bring(clients, place, store, held)
    store.write(memory.moved(Phase.STOPPED), held)
    return Stopped(memory.services, memory.at, memory.by)


def start(clients: Clients, place: Place) -> Started:
    """Give every service back the numbers that it had when it was stopped; return them.

    A service, or an autoscaling, that was removed in the meantime is not made again. Raises ThothError when nothing was
    stopped, and when somebody else stops or starts at the same time.
    """
    store = _Store(clients, place)
    held = store.read()
    if held is None or not held.memory.stopped:
        raise ThothError("the services were not stopped by stop-services", "`thoth-infra status` shows what runs")
    if held.memory.phase is not Phase.RESUMING:
        held = store.write(held.memory.moved(Phase.STARTING), held)
        _bring(clients, place, store, held)
        held = store.write(held.memory.moved(Phase.RESUMING), held)
    there = _bring(clients, place, store, held)
    store.write(held.memory.moved(Phase.STARTED), held)
    return Started(
        tuple(one for one in held.memory.services if one.name in there),
        tuple(one.name for one in held.memory.services if one.name not in there),
    )


def aim(phase: Phase, was: Numbers, now: Numbers) -> Numbers:
    """Return the numbers that a service is to have in a phase: ``was`` when it was stopped, ``now`` at present."""
    if phase is Phase.STOPPING:
        return Numbers(now.name, 0, replace(now.scaling, suspended=ALL) if now.scaling else None)
    if now.scaling is None or was.scaling is None:
        scaling = now.scaling
    elif phase is Phase.STARTING:
        scaling = replace(was.scaling, suspended=ALL)
    else:
        scaling = replace(now.scaling, suspended=was.scaling.suspended)
    return Numbers(now.name, was.desired if phase is Phase.STARTING else now.desired, scaling)


def _bring(clients: Clients, place: Place, store: _Store, held: _Held) -> set[str]:
    """Bring every remembered service to where the phase wants it; return which ones are there."""
    memory = held.memory
    wanted = {one.name: one for one in memory.services}
    for _ in range(_ROUNDS + 1):
        present = _present(clients, place, wanted)
        off = [(now, target) for now in present if (target := aim(memory.phase, wanted[now.name], now)) != now]
        if not off:
            return {now.name for now in present}
        for now, target in off:
            store.check(held)
            _approach(clients, place, now, target)
    names = ", ".join(now.name for now, _ in off)
    raise ThothError(f"something keeps on changing {names}", "look with `thoth-infra status`, then run it again")


def _present(clients: Clients, place: Place, names: Iterable[str]) -> list[Numbers]:
    found, scaling = described(clients, place.cluster, list(names)), scaling_of(clients, place.cluster)
    return [Numbers(name, service["desiredCount"], scaling.get(name)) for name, service in found.items()]


def _approach(clients: Clients, place: Place, now: Numbers, target: Numbers) -> None:
    """Change what differs; autoscaling first, so that it is suspended before the count changes."""
    if target.scaling is not None and target.scaling != now.scaling:
        clients("application-autoscaling").register_scalable_target(
            ServiceNamespace="ecs",
            ResourceId=f"service/{place.cluster}/{target.name}",
            ScalableDimension=DIMENSION,
            MinCapacity=target.scaling.minimum,
            MaxCapacity=target.scaling.maximum,
            SuspendedState=target.scaling.suspended,
        )
    if target.desired != now.desired:
        clients("ecs").update_service(cluster=place.cluster, service=target.name, desiredCount=target.desired)


@dataclass(frozen=True)
class _Held:
    memory: Memory
    version: str


@dataclass(frozen=True)
class _Store:
    clients: Clients
    place: Place

    def read(self) -> _Held | None:
        found = objects.get(self.clients, self.place.bucket, self.place.memory_key)
        if found is None:
            return None
        try:
            return _Held(Memory.model_validate_json(found.body), found.version)
        except ValidationError as error:
            raise ThothError(
                f"s3://{self.place.bucket}/{self.place.memory_key} does not say what was stopped: "
                f"{error.error_count()} fields are wrong",
                "it was written by another version of thoth-infra, or by hand; S3 keeps its earlier versions",
            ) from error

    def write(self, memory: Memory, instead_of: _Held | None) -> _Held:
        body = memory.model_copy(update={"turn": secrets.token_hex(8)}).model_dump_json(indent=2).encode()
        version = instead_of.version if instead_of else None
        try:
            version = objects.put(self.clients, self.place.bucket, self.place.memory_key, body, version)
        except objects.Overtaken:
            raise _overtaken() from None
        return _Held(memory, version)

    def check(self, held: _Held) -> None:
        found = objects.get(self.clients, self.place.bucket, self.place.memory_key)
        if found is None or found.version != held.version:
            raise _overtaken()


def _overtaken() -> ThothError:
    return ThothError(
        "somebody else stops or starts the services just now; that goes on, and this was given up",
        "look with `thoth-infra status`",
    )
