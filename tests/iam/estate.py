"""The IAM part of staging, made by Terraform on an emulated AWS, and what Terraform says of all its policies."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any

from thoth_infra.cli.context import Project, RootModule
from thoth_infra.cli.session import terraform_in, variables_for, workspace_of
from thoth_infra.config import shared as shared_side
from thoth_infra.config.environment import Environment
from thoth_infra.config.load import load, names
from thoth_infra.config.shared import SharedAccount
from thoth_infra.contract.queues import Queue
from thoth_infra.contract.services import DATABASE_SECRET
from thoth_infra.contract.storage import Bucket, Volume
from thoth_infra.emulator import Emulator, running
from thoth_infra.render import write as writer
from thoth_infra.render.tree import Tree, render, render_shared
from thoth_infra.review.iam.document import Document, parse
from thoth_infra.review.iam.estate import Role, policies, resources, roles
from thoth_infra.terraform.session import Terraform
from thoth_infra.terraform.version import read_pin
from thoth_infra.terraform.workspace import Workspace

PROJECT = Path(__file__).resolve().parents[2]
ENVIRONMENT = "staging"

# What the roles' policies name, and nothing else: a minute, most of it the provider's own waiting for SQS.
TARGETS = (
    "aws_iam_role_policy.task",
    "aws_iam_role_policy.execution",
    "aws_iam_role_policy.github_plan",
    "aws_iam_role_policy_attachment.github_plan",
    "aws_iam_role_policy.github_watch",
    "aws_iam_role_policy_attachment.github_watch",
    "aws_iam_role_policy.github_apply",
    "aws_iam_role_policy_attachment.github_apply",
    "aws_iam_role_policy.github_deploy",
    "aws_iam_role.github",
    "aws_secretsmanager_secret.this",
)
# The database takes another minute and a half, and a policy holds no more of it than the ARN of its secret.
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
POWER_USER = "arn:aws:iam::aws:policy/PowerUserAccess"
DATABASE_SECRET_ARN = "aws_db_instance.this.master_user_secret[0].secret_arn"


@dataclass(frozen=True)
class Names:
    """The ARNs and names of one environment's things, put together as AWS does it."""

    env: Environment

    @property
    def account(self) -> str:
        return self.env.accounts.own

    def arn(self, service: str, rest: str) -> str:
        return f"arn:aws:{service}:{self.env.region}:{self.account}:{rest}"

    def queue(self, queue: Queue, dead_letter: bool) -> str:
        return f"{self.env.prefix}-{queue.name}{'-dlq' if dead_letter else ''}"

    def bucket(self, bucket: Bucket) -> str:
        return f"{self.env.prefix}-{bucket.name}-{self.account}"

    def role(self, name: str) -> str:
        return f"arn:aws:iam::{self.account}:role/{name}"

    @property
    def database_secret(self) -> str:
        return self.arn("secretsmanager", f"secret:rds!db-of-{self.env.name}-AbCdEf")


@dataclass(frozen=True)
class Estate:
    """``applied``: Terraform's state after the apply of ``TARGETS``; ``planned``: its plan of all the rest.

    ``shared``: the state of the shared account's side; ``managed``: the policies of AWS's own that roles carry, by ARN.
    """

    env: Environment
    others: tuple[Environment, ...]
    shared_account: str
    emulator: Emulator
    applied: Mapping[str, Any]
    planned: Mapping[str, Any]
    shared: Mapping[str, Any]
    managed: Mapping[str, Document]

    @cached_property
    def names(self) -> Names:
        return Names(self.env)

    def carried(self, role: str) -> list[Document]:
        """All policies that a role carries, AWS's own among them."""
        found = self.roles[role]
        return [*found.inline, *(self.managed[arn] for arn in found.attached)]

    @cached_property
    def roles(self) -> dict[str, Role]:
        return {**roles(self.planned), **roles(self.applied)}

    @cached_property
    def policies(self) -> dict[str, Document]:
        """By address; what has been applied is certain, and part of it unknown to the plan of the rest."""
        return {**policies(self.planned), **policies(self.applied)}

    def value(self, address: str, attribute: str = "arn") -> str:
        """An attribute of what was applied."""
        (found,) = (each for each in resources(self.applied) if each["address"] == address)
        return str(found["values"][attribute])

    def key(self, purpose: str) -> str:
        """The ARN of a key; no role's policy names one that was not made for its sake."""
        address = f'aws_kms_key.this["{purpose}"]'
        made = any(each["address"] == address for each in resources(self.applied))
        return self.value(address) if made else self.names.arn("kms", f"key/{purpose}")

    @property
    def file_system(self) -> str:
        return self.value("module.shared_storage.aws_efs_file_system.this")

    def access_point(self, volume: Volume) -> str:
        return self.value(f'module.shared_storage.aws_efs_access_point.this["{volume.name}"]')

    def secret(self, name: str) -> str:
        return (
            self.names.database_secret
            if name == DATABASE_SECRET
            else self.value(f'aws_secretsmanager_secret.this["{name}"]')
        )


@contextmanager
def made(folder: Path) -> Iterator[Estate]:
    """Render staging and the shared side, apply what ``TARGETS`` names, and plan the rest."""
    envs = [load(PROJECT, name, personal=False).environment for name in names(PROJECT)]
    (env,) = (each for each in envs if each.name == ENVIRONMENT)
    shared = shared_side.load(PROJECT)
    version = read_pin(PROJECT).version
    trees = {env.name: _without_database(render(PROJECT, env, version), Names(env)),
             shared.name: render_shared(PROJECT, shared, envs, version)}  # fmt: skip
    with running(folder / "aws") as emulator, ExitStack() as stack:

        def terraform(of: RootModule) -> Terraform:
            log = stack.enter_context((folder / f"{of.name}.log").open("ab", buffering=0))
            return _terraform(folder, emulator, of, trees[of.name], log)

        with ThreadPoolExecutor(1) as pool:
            other = pool.submit(_apply_and_show, terraform(shared))
            own = terraform(env)
            _apply(own, TARGETS)
            planned = own.show_json(own.plan().path)
            others = tuple(each for each in envs if each is not env)
            managed = {arn: _managed(emulator, env, arn) for arn in (READ_ONLY, POWER_USER)}
            applied = planned["prior_state"]
            yield Estate(env, others, shared.account_id, emulator, applied, planned, other.result(), managed)


def _managed(emulator: Emulator, env: Environment, arn: str) -> Document:
    iam = emulator.client("iam", account_id=env.accounts.own, region=env.region)
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    found = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    return parse(found)


def _apply(terraform: Terraform, targets: tuple[str, ...]) -> None:
    terraform.init()
    terraform.plan(targets=targets)
    terraform.apply()


def _apply_and_show(terraform: Terraform) -> dict[str, Any]:
    _apply(terraform, ())
    return terraform.show_json()


def _without_database(tree: Tree, names: Names) -> Tree:
    """The tree, in which roles read a database secret of a made-up ARN instead of the database's own."""
    path = "41-iam-services.tf"
    assert DATABASE_SECRET_ARN in tree[path]
    return {**tree, path: tree[path].replace(DATABASE_SECRET_ARN, f'"{names.database_secret}"')}


_OWN = {"registry": "own"}


def _terraform(folder: Path, emulator: Emulator, of: RootModule, tree: Tree, log: IO[bytes]) -> Terraform:
    rendered = folder / "rendered"
    rendered.mkdir(exist_ok=True)
    writer.write(rendered, of.name, tree)
    place = writer.folder(rendered, of.name)
    shutil.copy(writer.folder(PROJECT, of.name) / ".terraform.lock.hcl", place)
    usual = workspace_of(PROJECT, of, emulate=True)
    scratch = folder / of.name
    scratch.mkdir()
    workspace = Workspace(of.name, of.account_id, of.region, usual.backend, PROJECT, place, scratch, emulated=True)
    # Both roots are in one emulator: the repositories that this one finds are those that the other one makes.
    own = of if isinstance(of, SharedAccount) else of.model_copy(update={"images": of.images.model_copy(update=_OWN)})
    variables = variables_for(emulator, own)
    return terraform_in(Project(PROJECT, engine="local"), of, workspace, variables, log=log)
