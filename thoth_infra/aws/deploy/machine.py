"""What follows upon what in a deployment.

::

    prepared → registered → migrated → starting → started → serving → proved → done
        ╲           ╲           ╲          ╲          ╲         ╲         ╲
         ╰───────────┴───────────╯          ╰──────────┴─────────┴─────────┴→ undoing → stuck
                     ╲                                                          ╱
                      ╰──────────────────────→ undone ←────────────────────────╯

Each step does one thing, may be run twice, and is written down before the next one begins. Interrupted in the middle of
a step, a deployment goes on with that step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from thoth_infra.aws.deploy import blue_green, oneoff, revisions, rolling
from thoth_infra.aws.deploy.ledger import Held, Ledger
from thoth_infra.aws.deploy.record import Deployment, Part, Problem, State
from thoth_infra.aws.deploy.site import Look, Site, stays_at
from thoth_infra.aws.diagnosis import most_telling

MIGRATE = ("python", "-m", "workers.api.upgrade")
PROVE = ("python", "-m", "workers.api.prove")
_MOST_SEEN = 12


class Unhealthy(Exception):
    """Something of a deployment failed; ``problem`` says what."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.summary)
        self.problem = problem


@dataclass
class Machine:
    """Takes one deployment from where it stands to its end."""

    site: Site
    ledger: Ledger
    held: Held
    _said: dict[str, str] = field(default_factory=dict)

    @property
    def deployment(self) -> Deployment:
        """The deployment as it was last written down."""
        return self.held.deployment

    def run(self) -> Deployment:
        """Go on until the deployment has ended; return it."""
        while not self.deployment.ended:
            try:
                self._move(self._steps[self.deployment.state]())
            except Unhealthy as error:
                self._fail(error.problem)
        return self.deployment

    def undo(self, problem: Problem | None = None) -> Deployment:
        """Bring back what was before; return the deployment when it has ended."""
        if not self.deployment.ended and self.deployment.state is not State.UNDOING:
            self._fail(problem or Problem(summary="undone by hand"))
        return self.run()

    @property
    def _steps(self) -> dict[State, Callable[[], State]]:
        return {
            State.PREPARED: self._register,
            State.REGISTERED: self._migrate,
            State.MIGRATED: lambda: State.STARTING,
            State.STARTING: self._start,
            State.STARTED: self._wait_until_serving,
            State.SERVING: self._prove,
            State.PROVED: self._wait_until_done,
            State.UNDOING: self._undo,
        }

    def _move(self, state: State) -> None:
        self._write(self.deployment.moved(state, self.site.now()))
        self.site.tell(f"{self.deployment.kind} {self.deployment.id}: {state}")

    def _write(self, deployment: Deployment) -> None:
        self.held = self.ledger.save(self.held, deployment)

    def _fail(self, problem: Problem) -> None:
        deployment = self.deployment
        if deployment.state is State.UNDOING or (deployment.kind == "rollback" and deployment.touched):
            self._write(deployment.model_copy(update={"undo_problem": problem}))
            self._move(State.STUCK)
            return
        self.site.tell(f"{problem.summary}; going back")
        self._write(deployment.model_copy(update={"problem": problem}))
        self._move(State.UNDOING if deployment.touched else State.UNDONE)

    def _register(self) -> State:
        for part in self.deployment.parts:
            if part.after is None:
                name = revisions.family(part.before)
                arn = revisions.register(self.site.clients, name, part.service, part.image)
                self._write(self.deployment.with_parts([part.model_copy(update={"after": arn})]))
        return State.REGISTERED

    def _migrate(self) -> State:
        part = self._part_with("api")
        if part is None or self.deployment.kind == "rollback" or part.after == part.before:
            return State.MIGRATED
        if self.deployment.migration is None:
            task = oneoff.start(self.site, "api", stays_at(part), MIGRATE, f"{self.deployment.id}-migrate")
            self._write(self.deployment.model_copy(update={"migration": task}))
        self._wait_for_task("migration", str(self.deployment.migration), "the tables could not be brought up to date")
        return State.MIGRATED

    def _start(self) -> State:
        for part in self._changing():
            if part.blue_green:
                mark = f"thoth-infra {self.deployment.id}"
                made = blue_green.begin(self.site, part.service, stays_at(part), mark)
                self._write(self.deployment.with_parts([part.model_copy(update={"codedeploy": made})]))
            else:
                rolling.begin(self.site, part.service, stays_at(part))
        return State.STARTED

    def _wait_until_serving(self) -> State:
        self._wait(self._changing(), whole=False)
        return State.SERVING

    def _prove(self) -> State:
        part = self._part_with("api")
        if self.deployment.skip_proof or part is None:
            return State.PROVED
        if self.deployment.proof is None:
            task = oneoff.start(self.site, "api", stays_at(part), PROVE, f"{self.deployment.id}-prove")
            self._write(self.deployment.model_copy(update={"proof": task}))
        task = str(self.deployment.proof)
        self._wait_for_task("sample lesson", task, "a lesson did not come through the new system", watch=True)
        return State.PROVED

    def _wait_until_done(self) -> State:
        self._wait(self.deployment.parts, whole=True)
        return State.DONE

    def _wait(self, parts: Iterable[Part], *, whole: bool) -> None:
        """Wait until all parts are there; ``whole``: until the tasks of before are gone too."""
        self._until_all(parts, self._look, lambda part, look: self._there(part, look, whole))

    def _until_all(
        self, parts: Iterable[Part], look: Callable[[Part], Look], there: Callable[[Part, Look], bool]
    ) -> None:
        waiting = list(parts)
        until = self.site.clock() + self.site.timeout_seconds
        while waiting:
            looks = [look(part) for part in waiting]
            self._check(looks)
            waiting = [part for part, seen in zip(waiting, looks, strict=True) if not there(part, seen)]
            if waiting and self.site.clock() > until:
                names = ", ".join(part.service for part in waiting)
                raise Unhealthy(_problem(f"{names}: not there after {_span(self.site.timeout_seconds)}", looks))
            if waiting:
                self.site.sleep(self.site.poll_seconds)

    def _check(self, looks: Sequence[Look]) -> None:
        for look in looks:
            self._say(look.service, f"{look.service}: {look.progress}")
        if failed := [look for look in looks if look.failed]:
            raise Unhealthy(_problem("; ".join(str(look.failed) for look in failed), looks))

    def _there(self, part: Part, look: Look, whole: bool) -> bool:
        if look.done:
            return True
        return part.codedeploy is not None and not whole and blue_green.shifted(self.site, part.codedeploy)

    def _look(self, part: Part) -> Look:
        since = self.deployment.moments[0].at
        if part.codedeploy:
            return blue_green.look(self.site, part.service, stays_at(part), part.codedeploy, part.digest, since)
        if part.blue_green:
            done = blue_green.serves(self.site, part.service, stays_at(part)) and blue_green.steady(
                self.site, part.service
            )
            return Look(part.service, "unchanged", done=done)
        return rolling.look(self.site, part.service, stays_at(part), part.digest, since)

    def _wait_for_task(self, what: str, task: str, summary: str, *, watch: bool = False) -> None:
        until = self.site.clock() + self.site.timeout_seconds
        while True:
            status, problem = oneoff.outcome(self.site, task)
            if problem is not None:
                raise Unhealthy(problem.model_copy(update={"summary": f"{summary}: {problem.summary}"}))
            if status in ("STOPPED", oneoff.FORGOTTEN):
                return
            if watch:
                self._check([self._look(part) for part in self._changing()])
            self._say(task, f"{what}: task {task.rpartition('/')[2][:8]} is {status.lower()}")
            if self.site.clock() > until:
                raise Unhealthy(Problem(summary=f"{summary}: no answer after {_span(self.site.timeout_seconds)}"))
            self.site.sleep(self.site.poll_seconds)

    def _undo(self) -> State:
        since = self.deployment.moments[-1].at
        parts = self._changing()
        for part in parts:
            if part.blue_green and part.codedeploy:
                blue_green.undo(self.site, part.codedeploy)
            elif not part.blue_green:
                rolling.begin(self.site, part.service, part.before)
        self._until_all(parts, lambda part: self._look_back(part, since), lambda _, look: look.done)
        return State.UNDONE

    def _look_back(self, part: Part, since: datetime) -> Look:
        if not part.blue_green:
            seen = rolling.look(self.site, part.service, part.before, None, since)
            back = rolling.runs(self.site, part.service, part.before)
            return replace(seen, done=True, failed=None) if back else seen
        if part.codedeploy and not blue_green.ended(self.site, part.codedeploy):
            return Look(part.service, "CodeDeploy sends the traffic back")
        if blue_green.serves(self.site, part.service, part.before):
            return Look(part.service, "as before", done=blue_green.steady(self.site, part.service))
        mark = f"thoth-infra {self.deployment.id} back"
        way = blue_green.known(self.site, mark)
        if way is None and blue_green.running(self.site):
            return Look(part.service, "CodeDeploy rolls back")
        way = way or blue_green.begin(self.site, part.service, part.before, mark)
        return blue_green.look(self.site, part.service, part.before, way, None, since)

    def _changing(self) -> list[Part]:
        return [part for part in self.deployment.parts if part.after != part.before]

    def _part_with(self, service: str) -> Part | None:
        return next((part for part in self.deployment.parts if part.service == service), None)

    def _say(self, key: str, line: str) -> None:
        if self._said.get(key) != line:
            self._said[key] = line
            self.site.tell(line)


def _problem(summary: str, looks: Iterable[Look]) -> Problem:
    seen = tuple(dict.fromkeys(text for look in looks for text in look.seen))[:_MOST_SEEN]
    row = most_telling((summary, *seen))
    return Problem(summary=summary, seen=seen, cause=row.cause if row else None, fix=row.fix if row else None)


def _span(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"
