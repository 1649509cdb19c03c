"""Puts one command's Terraform together: environment, engine, credentials, guard, emulator."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from thoth_infra.aws import identity
from thoth_infra.aws.clients import Clients, explained
from thoth_infra.cli.context import Project, RootModule
from thoth_infra.cli.render import rendered
from thoth_infra.config import shared
from thoth_infra.config.environment import Environment
from thoth_infra.config.load import Loaded
from thoth_infra.render import write as writer
from thoth_infra.terraform.backend import check_backend
from thoth_infra.terraform.engines import Engine, resolve
from thoth_infra.terraform.runner import Stdout, SubprocessRunner
from thoth_infra.terraform.session import Terraform
from thoth_infra.terraform.version import read_pin
from thoth_infra.terraform.workspace import Backend, Workspace

if TYPE_CHECKING:
    from thoth_infra.emulator import Emulator

SCRATCH = ".thoth"
# Most of an emulated apply is the provider's own waiting (25 s for each change of a queue), and that runs side by side.
_EMULATED_PARALLELISM = 40


@dataclass(frozen=True)
class Session:
    """One environment's Terraform, ready to run."""

    environment: RootModule
    terraform: Terraform
    workspace: Workspace

    @property
    def place(self) -> str:
        """Environment and account, for messages."""
        where = "the emulator" if self.workspace.emulated else f"account {self.workspace.account_id}"
        return f"{self.environment.name} ({where}, {self.workspace.region})"


def scratch_folder(root: Path, environment: str, emulate: bool) -> Path:
    """Return where plans, provider folders and the emulator's state of an environment are kept."""
    folder = root / SCRATCH / environment
    return folder / "emulated" if emulate else folder


def emulator_folder(root: Path, environment: str) -> Path:
    """Return where the emulated AWS of an environment is kept between commands."""
    return scratch_folder(root, environment, emulate=True) / "aws"


def workspace_of(root: Path, env: RootModule, emulate: bool) -> Workspace:
    """Return the workspace of an environment."""
    return Workspace(
        environment=env.name,
        account_id=env.account_id,
        region=env.region,
        backend=Backend(env.state.bucket, env.state.key, env.region),
        project=root,
        tree=writer.folder(root, env.name),
        scratch=scratch_folder(root, env.name, emulate),
        emulated=emulate,
    )


@contextmanager
def session(
    project: Project,
    name: str,
    *,
    emulate: bool = False,
    offline: bool = False,
    stdout: Stdout | None = None,
    loaded: Loaded | None = None,
) -> Iterator[Session]:
    """Yield the Terraform of environment ``name``.

    Before its first process the identity guard asks STS who we are and compares account, role, profile and
    state key. ``offline`` is for commands that touch neither state nor AWS: only the state key is compared.
    With ``emulate`` an emulator runs for as long as the context, and the guard asks that one.
    """
    env = loaded.environment if loaded else project.root_module(name)
    workspace = workspace_of(project.root, env, emulate)
    with _variables(project, env, emulate) as variables:
        terraform = terraform_in(project, env, workspace, variables, offline=offline, stdout=stdout)
        yield Session(env, terraform, workspace)


def terraform_in(
    project: Project,
    env: RootModule,
    workspace: Workspace,
    variables: Mapping[str, str],
    *,
    offline: bool = False,
    stdout: Stdout | None = None,
    log: IO[bytes] | None = None,
) -> Terraform:
    """Return the guarded Terraform of ``workspace``; ``variables`` is the whole environment to draw from.

    With ``log``, Terraform's output goes there instead of to our stdout and stderr.
    """
    engine = resolve(project.engine, read_pin(project.root), variables)
    guarded = dict(variables) if offline else _signed_in(env, variables)
    return Terraform(
        workspace,
        engine,
        SubprocessRunner(notify=project.say, echo=_echo if project.verbose else _quiet, log=log),
        _for_engine(engine, guarded, workspace.emulated or offline),
        guard=_Guard(env, guarded, offline=offline, emulated=workspace.emulated),
        notify=project.say,
        stdout=stdout or ("stderr" if project.json else "inherit"),
        color=log is None and _colour(project),
        parallelism=_EMULATED_PARALLELISM if workspace.emulated else 0,
    )


@contextmanager
def signed_in_clients(project: Project, env: RootModule, emulate: bool) -> Iterator[Clients]:
    """Yield the AWS clients of ``env``, once the identity guard has agreed."""
    with _variables(project, env, emulate) as variables:
        signed_in = _signed_in(env, variables)
        _Guard(env, signed_in, emulated=emulate).identity()
        with explained():
            yield Clients(signed_in, env.region)


@contextmanager
def registry_clients(
    project: Project, env: Environment, emulate: bool
) -> Iterator[tuple[Clients, Callable[[], Clients]]]:
    """Yield the clients of the account that has ``env``'s image repositories, once the identity guard has agreed.

    Where that is the shared account, its own profile is taken; keys (a pipeline's) may also be the environment's own
    role, which the repositories' policies let in. The second value makes the clients of the environment's account, or
    raises IdentityRefused.
    """
    with _variables(project, env, emulate) as variables:
        own = _signed_in(env, variables)

        def at_home() -> Clients:
            _Guard(env, own, emulated=emulate).identity()
            return Clients(own, env.region)

        with explained():
            if env.ecr_account == env.account_id:
                yield at_home(), at_home
                return
            found = _in_shared_account(env, variables, emulate)
            caller = _caller(found, env.region, emulate)
            if caller.account_id == env.account_id and not identity.profile_in_use(found):
                yield at_home(), at_home
                return
            identity.guard(caller, _shared_identity(project, env), identity.profile_in_use(found))
            yield Clients(found, env.region), at_home


def _in_shared_account(env: Environment, variables: dict[str, str], emulate: bool) -> dict[str, str]:
    """Return the variables that lead into the shared account: its profile in the place of the environment's own."""
    if emulate:
        from thoth_infra.emulator import Emulator

        emulator = Emulator(variables["AWS_ENDPOINT_URL"], 0)
        role = env.identity.shared_profile
        return {**variables, **emulator.variables(account_id=env.ecr_account, region=env.region, role=role)}
    keys = variables.get("AWS_ACCESS_KEY_ID") or variables.get("AWS_WEB_IDENTITY_TOKEN_FILE")
    if keys or identity.profile_in_use(variables) not in (None, env.identity.profile):
        return dict(variables)
    return {**variables, "AWS_PROFILE": env.identity.shared_profile}


def _shared_identity(project: Project, env: Environment) -> identity.Expected:
    patterns = shared.load(project.root).identity.role_patterns if shared.exists(project.root) else ()
    return identity.Expected(
        f"{env.name}'s image registry", env.ecr_account, env.identity.shared_profile, patterns
    )  # fmt: skip


@contextmanager
def signed_in_variables(project: Project, env: RootModule, emulate: bool) -> Iterator[dict[str, str]]:
    """Yield the variables that lead to the credentials of ``env``, unguarded: for what tells about them."""
    with _variables(project, env, emulate) as variables:
        yield _signed_in(env, variables)


def render_into(project: Project, name: str) -> None:
    """Bring the environment's tree up to date, and say what changed."""
    for environment, tree in rendered(project, (name,)):
        changes = writer.write(project.root, environment, tree)
        if changes.any:
            project.say(f"rendered {changes.summary()}; `git diff terraform/{environment}` shows it")


@contextmanager
def _variables(project: Project, env: RootModule, emulate: bool) -> Iterator[dict[str, str]]:
    if not emulate:
        yield dict(os.environ)
        return
    from thoth_infra.emulator import running

    with running(emulator_folder(project.root, env.name)) as emulator:
        yield variables_for(emulator, env)


def variables_for(emulator: Emulator, env: RootModule) -> dict[str, str]:
    """Make what ``env`` expects to find in the emulator, and return the variables that lead Terraform there."""
    from thoth_infra.emulator.world import prepare

    prepare(emulator, env)
    account, region = env.account_id, env.region
    # The profile's name stands for the role behind it, so that the guard runs as it does for real.
    redirected = emulator.variables(account_id=account, region=region, role=env.identity.profile)
    return {**os.environ, **redirected}


def _signed_in(env: RootModule, variables: Mapping[str, str]) -> dict[str, str]:
    """Choose the environment's own profile where neither a profile nor keys are set."""
    if identity.profile_in_use(variables) or variables.get("AWS_ACCESS_KEY_ID"):
        return dict(variables)
    if variables.get("AWS_WEB_IDENTITY_TOKEN_FILE"):
        return dict(variables)
    return {**variables, "AWS_PROFILE": env.identity.profile}


def _for_engine(engine: Engine, variables: dict[str, str], without_aws: bool) -> Mapping[str, str]:
    """Let a container have the credentials themselves: it sees neither the user's files nor helpers."""
    if engine.kind != "docker" or without_aws:
        return variables
    return {**variables, **identity.credentials(variables)}


@dataclass(frozen=True)
class _Guard:
    """Refuses to start Terraform as anybody else than the environment wants."""

    env: RootModule
    variables: Mapping[str, str]
    offline: bool = False
    emulated: bool = False

    def __call__(self, workspace: Workspace) -> None:
        check_backend(workspace)
        if not self.offline:
            self.identity()

    def identity(self) -> None:
        """Compare account, role and profile."""
        wanted = identity.Expected(
            self.env.name, self.env.account_id, self.env.identity.profile, self.env.identity.role_patterns
        )
        found = _caller(self.variables, self.env.region, self.emulated)
        identity.guard(found, wanted, identity.profile_in_use(self.variables))


def _caller(variables: Mapping[str, str], region: str, emulated: bool) -> identity.Identity:
    if not emulated:
        return identity.whoami(variables, region)
    # Importing botocore would take longer than everything else that the guard does.
    from thoth_infra.emulator.access import caller

    return identity.Identity(*caller(variables))


def _colour(project: Project) -> bool:
    return sys.stdout.isatty() and not project.json and "NO_COLOR" not in os.environ


def _echo(command: str) -> None:
    click.secho(f"+ {command}", err=True, dim=True)


def _quiet(_command: str) -> None:
    return None
