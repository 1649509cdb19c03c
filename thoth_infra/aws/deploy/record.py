"""What is remembered of a deployment: enough to go on with it, or to undo it, from any machine at any time."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict


class State(StrEnum):
    """How far a deployment has come. Each state names what is done; what follows is in :mod:`machine`."""

    PREPARED = "prepared"
    """Images are resolved and the services' present revisions noted. Nothing has changed."""
    REGISTERED = "registered"
    """Every service has a revision with the new image. None uses it yet."""
    MIGRATED = "migrated"
    """The database has the tables that the new images want; the old ones can still use them."""
    STARTING = "starting"
    """From here on services change: whatever happens to us, there may be something to undo."""
    STARTED = "started"
    """ECS and CodeDeploy have been told to replace the tasks."""
    SERVING = "serving"
    """The new tasks are healthy and have all the traffic; the API's old ones wait for a way back."""
    PROVED = "proved"
    """A lesson went through the whole system."""
    DONE = "done"
    """The new images run, and nothing else does."""
    UNDOING = "undoing"
    """Something was wrong; the revisions from before are being brought back."""
    UNDONE = "undone"
    """The revisions from before run again."""
    STUCK = "stuck"
    """They could not be brought back: a person must look."""


ENDED: Final = frozenset({State.DONE, State.UNDONE, State.STUCK})


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Part(_Model):
    """One service of a deployment. Revisions are ARNs of task definitions."""

    service: str
    image: str
    """Repository and digest; what runs before the first deployment may have a tag only."""
    before: str
    after: str | None = None
    blue_green: bool = False
    codedeploy: str | None = None
    """CodeDeploy's deployment, once it is made."""

    @property
    def digest(self) -> str | None:
        """The image's digest, where it is known."""
        _, found, digest = self.image.rpartition("@")
        return digest if found else None


class Moment(_Model):
    """When a state was reached."""

    state: State
    at: AwareDatetime


class Problem(_Model):
    """Why a deployment was undone, or could not be: what was seen, what it means and what helps."""

    summary: str
    seen: tuple[str, ...] = ()
    cause: str | None = None
    fix: str | None = None


class Deployment(_Model):
    """One deployment, or the rollback of one."""

    id: str
    environment: str
    kind: Literal["deploy", "rollback"] = "deploy"
    by: str
    """The ARN of who began it."""
    parts: tuple[Part, ...]
    state: State = State.PREPARED
    moments: tuple[Moment, ...] = ()
    migration: str | None = None
    """The task that brought the tables up to date."""
    proof: str | None = None
    """The task that sent a lesson through."""
    skip_proof: bool = False
    problem: Problem | None = None
    """Why it was undone."""
    undo_problem: Problem | None = None
    """Why it could not be undone."""

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in ENDED

    @property
    def touched(self) -> bool:
        """Whether any service was told to change."""
        return any(moment.state is State.STARTING for moment in self.moments)

    def part(self, service: str) -> Part:
        """Return the part of a service."""
        return next(part for part in self.parts if part.service == service)

    def moved(self, state: State, at: AwareDatetime) -> Deployment:
        """Return the deployment in another state."""
        return self.model_copy(update={"state": state, "moments": (*self.moments, Moment(state=state, at=at))})

    def with_parts(self, parts: Iterable[Part]) -> Deployment:
        """Return the deployment with these parts in the place of those of the same services."""
        new = {part.service: part for part in parts}
        return self.model_copy(update={"parts": tuple(new.get(part.service, part) for part in self.parts)})
