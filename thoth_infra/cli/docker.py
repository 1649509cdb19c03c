"""Docker, signed in at one registry and nowhere else, and not for longer than it takes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Final

from thoth_infra.aws.registry import Login
from thoth_infra.errors import EngineError
from thoth_infra.terraform.pump import our_stderr

# Where a user's own sign-ins are: of no use here, and a helper for all registries would keep the password for good.
_SIGN_INS: Final = ("auths", "credsStore", "credHelpers")
# What a registry refuses, it refuses again.
_FINAL: Final = (
    "denied", "unauthorized", "no basic auth credentials", "immutable", "tag invalid", "does not exist",
)  # fmt: skip
_ATTEMPTS: Final = 4
_FIRST_PAUSE_S: Final = 1.0


class NotThere(EngineError):
    """The Docker engine has no such image."""


@dataclass(frozen=True)
class Docker:
    """The Docker client with a configuration of its own, signed in at ``host``."""

    host: str
    variables: Mapping[str, str]

    def push(self, local: str, remote: str, landed: Callable[[], bool], say: Callable[[str], None]) -> str | None:
        """Push the image ``local`` as ``remote``; return its digest as Docker reports it, if it does.

        A network that fails is tried again, unless ``landed()`` says that the image has arrived. Raises EngineError.
        """
        named = f"{self.host}/{remote}"
        _asked(("docker", "image", "tag", local, named), self.variables)
        try:
            self._push(named, landed, say)
            told = _asked(("docker", "image", "inspect", "--format", "{{json .RepoDigests}}", named), self.variables)
        finally:
            # The engine is left as it was; with the emulator the name means nothing the next time.
            with suppress(EngineError):
                _asked(("docker", "image", "rm", "--no-prune", named), self.variables)
        repository = named.rpartition(":")[0]
        found = (one.rpartition("@") for one in json.loads(told) or ())
        return next((digest for name, _, digest in found if name == repository), None)

    def _push(self, named: str, landed: Callable[[], bool], say: Callable[[str], None]) -> None:
        pause = _FIRST_PAUSE_S
        for left in reversed(range(_ATTEMPTS)):
            command = ("docker", "image", "push", named)
            done = subprocess.run(
                command, env=self.variables, check=False, text=True, stdout=our_stderr(), stderr=subprocess.PIPE
            )
            if done.returncode == 0 or landed():
                return
            why = done.stderr.strip() or f"docker exit code {done.returncode}"
            if not left or any(word in why.lower() for word in _FINAL):
                raise EngineError(f"{named} could not be pushed: {why}", "nothing was recorded in the lock; push again")
            say(f"the push was cut off ({why.splitlines()[-1]}); again in {pause:g} s")
            time.sleep(pause)
            pause *= 2


@dataclass(frozen=True)
class Built:
    """An image in the Docker engine: its id, and the commit that it was made of, where it says so."""

    id: str
    revision: str | None

    @property
    def committed(self) -> bool:
        """Whether it is known to be made of what a commit has."""
        return self.revision is not None and not self.revision.endswith("-dirty")


def built(names: Iterable[str]) -> dict[str, Built]:
    """Return those of the named images that the Docker engine has. Raises EngineError where no engine answers."""
    found = {}
    for name in names:
        command = (
            "docker",
            "image",
            "inspect",
            "--format",
            '{"id":{{json .Id}},"labels":{{json .Config.Labels}}}',
            name,
        )
        try:
            answer = json.loads(_asked(command, os.environ))
        except NotThere:
            continue
        found[name] = Built(answer["id"], (answer["labels"] or {}).get("org.opencontainers.image.revision"))
    return found


@contextmanager
def signed_in(login: Login) -> Iterator[Docker]:
    """Yield Docker, signed in; what it keeps of that is removed at the end, however it comes. Raises EngineError."""
    with tempfile.TemporaryDirectory(prefix="thoth-docker-") as folder, _ended_by_sigterm():
        variables = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")} | {"DOCKER_CONFIG": folder}
        _configure(Path(folder))
        _asked(("docker", "login", "--username", login.user, "--password-stdin", login.host), variables, login.password)
        yield Docker(login.host, variables)


def _configure(folder: Path) -> None:
    """Give Docker all of the user's configuration (contexts, proxies, plugins) but the sign-ins."""
    own = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    settings: dict[str, Any] = {}
    for path in own.iterdir() if own.is_dir() else ():
        if path.name != "config.json":
            (folder / path.name).symlink_to(path.resolve())
    try:
        settings = json.loads((own / "config.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        raise EngineError(
            f"Docker's own configuration {own / 'config.json'} can't be read: {error}", "mend it"
        ) from None
    kept = {key: value for key, value in settings.items() if key not in _SIGN_INS}
    (folder / "config.json").write_text(json.dumps(kept), encoding="utf-8")


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end the command as Ctrl-C does: with what has to be cleaned up."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _asked(command: tuple[str, ...], variables: Mapping[str, str], stdin: str = "") -> str:
    """Run Docker and return what it prints. Raises EngineError with what it says instead."""
    try:
        done = subprocess.run(command, env=variables, check=False, text=True, capture_output=True, input=stdin)
    except FileNotFoundError:
        raise EngineError("docker is not installed", "images are pushed by a Docker engine: install one") from None
    if done.returncode:
        said = done.stderr.strip() or f"exit code {done.returncode}"
        if "no such image" in said.lower():
            raise NotThere(said)
        raise EngineError(
            f"`{' '.join(command[:3])}` failed: {said}", "is the Docker engine running? `docker info` tells"
        )
    return done.stdout
