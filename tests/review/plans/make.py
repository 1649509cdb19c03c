"""Makes the labelled plans: ``python -m tests.review.plans.make --work DIR [--on staging] [CASE …]``.

It applies each environment once to an emulated AWS (kept in DIR), then plans every case with the real Terraform and
writes what a summary reads of the plans to ``tests/review/plans/kept``. Two hundred plans take half an hour.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from zlib import crc32

from tests.review.plans import edit, store
from tests.review.plans.case import Case
from tests.review.plans.cases import CASES
from thoth_infra.cli.context import Project
from thoth_infra.cli.session import terraform_in, variables_for, workspace_of
from thoth_infra.config.load import load
from thoth_infra.emulator import Emulator, running
from thoth_infra.errors import ThothError
from thoth_infra.render import write as writer
from thoth_infra.render.tree import render
from thoth_infra.terraform.session import Terraform
from thoth_infra.terraform.version import read_pin


def applied(work: Path, name: str) -> Path:
    """Return a project whose environment ``name`` is applied to the emulator, applying it where it is not yet."""
    folder = work / name
    if (folder / "applied").exists():
        return folder
    edit.project(Case("base", on=name), folder)
    lock = edit.ROOT / "terraform" / name / ".terraform.lock.hcl"
    (folder / "terraform" / name).mkdir(parents=True)
    shutil.copy(lock, folder / "terraform" / name)
    command = [sys.executable, "-m", "thoth_infra", "--engine", "local", "apply", "--env", name, "--emulate"]
    subprocess.run([*command, "--auto-approve"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    (folder / "applied").touch()
    return folder


class Planner:
    """Plans cases of one applied environment."""

    def __init__(self, base: Path, name: str, emulator: Emulator, log: Any) -> None:
        """``base`` is the project of :func:`applied`."""
        project = Project(base, "local")
        env = load(base, name, personal=False).environment
        self._tree = base / "case-tree"
        workspace = replace(workspace_of(base, env, emulate=True), tree=writer.folder(self._tree, name))
        self._base, self._name, self._emulator, self._env = base, name, emulator, env
        self._terraform: Terraform = terraform_in(project, env, workspace, variables_for(emulator, env), log=log)
        self._plan = workspace.scratch / "case.tfplan"
        self._log = log
        self._variables = {
            **variables_for(emulator, env),
            "TF_DATA_DIR": str(workspace.data_dir),
            "TF_CLI_CONFIG_FILE": str(workspace.scratch / "terraform.rc"),
            "TF_IN_AUTOMATION": "1",
        }
        # Two configurations of one provider would share a process, and each other's account.
        self._shared = "aws.shared" in "".join(render(base, env, read_pin(base).version).values())

    def plan(self, case: Case) -> dict[str, Any]:
        """Return Terraform's JSON of the case's plan, trimmed."""
        root = edit.project(case, self._base / "case")
        environment = load(root, self._name, personal=False).environment
        tree = render(root, environment, read_pin(root).version)
        writer.write(self._tree, self._name, tree)
        lock = self._base / "terraform" / self._name / ".terraform.lock.hcl"
        shutil.copy(lock, writer.folder(self._tree, self._name))
        self._terraform.init()
        if case.outside:
            OUTSIDE[case.outside](self._emulator, environment.accounts.own)
        arguments = ["plan", "-input=false", "-lock=false", f"-out={self._plan}"]
        arguments += [] if case.outside else ["-refresh=false"]
        arguments += [f"-{option}={value}" for option, value in case.options.items()]
        self._run(*arguments, out=self._log)
        return store.trimmed(json.loads(self._run("show", "-json", str(self._plan))))

    def _run(self, *arguments: str, out: Any = subprocess.PIPE) -> str:
        done = subprocess.run(
            ["terraform", *arguments], cwd=writer.folder(self._tree, self._name), env=self._variables, text=True,
            stdout=out, stderr=self._log, check=False,
        )  # fmt: skip
        if done.returncode:
            raise ThothError(f"terraform {arguments[0]} ended with {done.returncode}", "see terraform.log")
        return done.stdout or ""

    @contextmanager
    def attached(self) -> Iterator[None]:
        """Keep one process of the provider for all plans, which spares most of the time, where that can be."""
        if self._shared:
            yield
            return
        # The provider can't be configured twice with certificates of its own; the emulator needs none.
        self._variables.pop("AWS_CA_BUNDLE", None)
        found = next((Path(self._variables["TF_DATA_DIR"]) / "providers").glob("*/*/*/*/*/terraform-provider-aws_*"))
        with subprocess.Popen(
            [str(found), "-debug"], env=self._variables, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        ) as process:  # fmt: skip
            assert process.stdout
            line = next(line for line in process.stdout if "TF_REATTACH_PROVIDERS=" in line)
            self._variables["TF_REATTACH_PROVIDERS"] = line.partition("=")[2].strip().strip("'")
            try:
                yield
            finally:
                process.terminate()


def _log_retention(emulator: Emulator, account: str) -> None:
    logs = emulator.client("logs", account_id=account, region="us-east-1")
    logs.put_retention_policy(logGroupName="/thoth/staging/api", retentionInDays=90)


def _versioning(emulator: Emulator, account: str) -> None:
    s3 = emulator.client("s3", account_id=account, region="us-east-1")
    bucket = f"thoth-staging-media-{account}"
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})


def _door(emulator: Emulator, account: str) -> None:
    ec2 = emulator.client("ec2", account_id=account, region="us-east-1")
    wanted = [{"Name": "tag:Name", "Values": ["thoth-staging-default-closed"]}]
    group = ec2.describe_security_groups(Filters=wanted)["SecurityGroups"][0]["GroupId"]
    ec2.authorize_security_group_ingress(
        GroupId=group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
    )  # fmt: skip


OUTSIDE: dict[str, Callable[[Emulator, str], None]] = {
    "log_retention": _log_retention,
    "versioning": _versioning,
    "door": _door,
}


@contextmanager
def planner(work: Path, name: str) -> Iterator[Planner]:
    """Yield a planner of the environment ``name``; what it does to the emulated AWS is forgotten."""
    base = applied(work, name)
    state = base / "aws"
    shutil.rmtree(state, ignore_errors=True)
    shutil.copytree(base / ".thoth" / name / "emulated" / "aws", state)
    with (base / "terraform.log").open("ab", buffering=0) as log, running(state) as emulator:
        found = Planner(base, name, emulator, log)
        with found.attached():
            yield found


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for the applied environments")
    parser.add_argument("--on", choices=edit.BASES, help="only this environment")
    parser.add_argument("--missing", action="store_true", help="only cases of which no plan is kept")
    parser.add_argument("names", nargs="*", metavar="CASE", help="only these; the other kept plans stay")
    given = parser.parse_args()
    failed: list[str] = []
    for name in [given.on] if given.on else edit.BASES:
        cases = [case for case in CASES if case.on == name and (not given.names or case.name in given.names)]
        if not cases:
            continue
        kept = store.read(name) if given.missing else {}
        cases = [case for case in cases if not (given.missing and case.name in kept)]
        with planner(given.work.resolve(), name) as found:
            for case in sorted(cases, key=lambda each: (bool(each.outside), crc32(each.name.encode()))):
                try:
                    made = found.plan(case)
                except (ThothError, AssertionError) as error:
                    failed.append(f"{case.name}: {error}")
                    print(failed[-1], flush=True)  # noqa: T201
                    continue
                print(f"{name}: {case.name}: {len(made['resource_changes'])}", flush=True)  # noqa: T201
                store.write(name, case.name, made)
    if failed:
        raise SystemExit("\n".join(failed))


if __name__ == "__main__":
    main()
