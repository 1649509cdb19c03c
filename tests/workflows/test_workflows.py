"""GitHub's workflows: valid, resolved, with no more rights than they need, and roles that trust exactly their jobs."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.render.support import copy_project
from tests.workflows.model import EXPRESSION, FOLDER, PROJECT, Job, Workflow, problems, rendered
from thoth_infra.config.load import load, names
from thoth_infra.render import write as writer
from thoth_infra.render.tree import MARK, render_workflows

WORKFLOWS = rendered()
BY_NAME = {workflow.name.removesuffix(".yml"): workflow for workflow in WORKFLOWS}
JOBS = [job for workflow in WORKFLOWS for job in workflow.jobs.values()]

each_workflow = pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda workflow: workflow.name)
each_job = pytest.mark.parametrize("job", JOBS, ids=lambda job: f"{job.workflow.name}-{job.id}")


def _tool(name: str) -> str:
    found = shutil.which(name, path=str(Path(sys.executable).parent))
    assert found, f"{name} is missing from the environment: make venv"
    return found


def test_the_workflows_that_were_asked_for_are_there_and_no_other() -> None:
    assert set(BY_NAME) == {"pull-request", "deploy-staging", "deploy-production", "drift", "scan"}
    assert all(workflow.text.startswith(MARK) for workflow in WORKFLOWS)


def test_githubs_own_schema_takes_them() -> None:
    files = [str(path) for path in sorted(FOLDER.glob("*.yml"))]
    command = [_tool("check-jsonschema"), "--builtin-schema", "vendor.github-workflows", *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_zizmor_finds_nothing_in_them_at_its_strictest() -> None:
    command = [_tool("zizmor"), "--offline", "--pedantic", "--no-progress", "--color", "never", str(FOLDER)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No findings to report" in done.stdout, done.stdout
    assert not list(PROJECT.rglob(".github/zizmor.yml")), "an exception would be told here"


@each_workflow
def test_everything_in_them_leads_somewhere(workflow: Workflow) -> None:
    assert problems(workflow) == []


DAMAGES: dict[str, tuple[str, str, str, str]] = {
    "output of a step": ("pull-request", "steps.changed.outputs.environments", "steps.changed.outputs.x", "outputs.x"),
    "output of a job": ("deploy-production", "needs.plan.outputs.digest", "needs.plan.outputs.sum", "no output"),
    "job": ("deploy-production", "needs: plan", "needs: plans", "plans"),
    "job that is not needed": ("pull-request", "needs: [check, plan]", "needs: [plan]", "none of the jobs"),
    "column of the matrix": ("drift", "${{ matrix.role }}", "${{ matrix.rolle }}", "matrix.rolle"),
    "column of a computed matrix": ("pull-request", "${{ matrix.region }}", "${{ matrix.zone }}", "matrix.zone"),
    "event": ("drift", "${{ matrix.region }}", "${{ github.event.pull_request.number }}", "not known of this event"),
    "secret": ("drift", "${{ github.token }}", "${{ secrets.TOKEN }}", "secrets.TOKEN is not known"),
    "setting": ("drift", "${{ matrix.region }}", "${{ vars.REGION }}", "vars.REGION is not known"),
    "function": ("pull-request", "${{ fromJSON(", "${{ fromYAML(", "fromYAML( is not known"),
    "variable": ("drift", '--env "$ENVIRONMENT"', '--env "$ENVIRONNEMENT"', "$ENVIRONNEMENT is set nowhere"),
    "target of make": ("pull-request", "run: make check", "run: make checks", "no target checks"),
    "command": ("drift", "thoth-infra drift", "thoth-infra drifts", "drifts"),
    "option": ("drift", "--read-only", "--lockless", "--lockless"),
    "value of an option": ("pull-request", "--summary markdown", "--summary html", "'html' is not one of"),
    "script": ("drift", "scripts/drift_issue.py", "scripts/drifts.py", "there is no scripts/drifts.py"),
    "option of a script": ("drift", "--found", "--file", "has no --file"),
    "path of a trigger": ("deploy-staging", "workers/**", "worker/**", "nothing is like worker/**"),
    "program": ("pull-request", "run: make lint", "run: just lint", "what is just?"),
    "tag of an action": (
        "scan", "actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8", "actions/checkout@v5", "not pinned"
    ),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_what_leads_nowhere_is_found(damage: tuple[str, str, str, str]) -> None:
    name, old, new, said = damage
    text = BY_NAME[name].text
    assert old in text
    found = problems(Workflow(f"{name}.yml", text.replace(old, new)))
    assert any(said in problem for problem in found), found


def test_an_expression_within_a_script_is_found() -> None:
    text = BY_NAME["drift"].text.replace('--env "$ENVIRONMENT"', '--env "${{ matrix.environment }}"')
    assert any("within a script" in problem for problem in problems(Workflow("drift.yml", text)))


@each_workflow
def test_nothing_is_permitted_unless_a_job_says_so(workflow: Workflow) -> None:
    assert workflow.data["permissions"] == {}
    assert "pull_request_target" not in workflow.triggers
    assert "workflow_run" not in workflow.triggers
    assert "secrets" not in re.sub(r"#.*", "", workflow.text)
    assert workflow.data["concurrency"]["cancel-in-progress"] is (workflow.name == "pull-request.yml")
    assert all(line.partition("# ")[2].startswith("v") for line in workflow.text.splitlines() if "uses: " in line)


@each_job
def test_a_job_has_the_rights_that_its_steps_use_and_no_other(job: Job) -> None:
    scripts = " ".join(step.get("run", "") for step in job.steps)
    wanted = {"contents": "read"}
    wanted |= {"id-token": "write"} if job.roles else {}
    wanted |= {"pull-requests": "write"} if "plan_comment.py" in scripts else {}
    wanted |= {"issues": "write"} if "drift_issue.py" in scripts else {}
    assert job.data["permissions"] == wanted
    assert 5 <= job.data["timeout-minutes"] <= 180
    (checkout,) = job.uses("actions/checkout")
    assert checkout["with"]["persist-credentials"] is False
    assert "ref" not in checkout["with"]
    with_token = [step for step in job.steps if "GITHUB_TOKEN" in step.get("env", {})]
    assert len(with_token) == len({"pull-requests", "issues"} & set(wanted))


def _subject(job: Job) -> str:
    """What GitHub's token says of a job, behind the repository."""
    if environment := job.data.get("environment"):
        return f"environment:{environment}"
    return "pull_request" if "pull_request" in job.workflow.triggers else "ref:refs/heads/main"


@each_job
def test_a_job_signs_in_as_a_role_that_trusts_it(job: Job) -> None:
    for arn in job.roles:
        name = arn.rpartition(":role/")[2]
        _, environment, _, purpose = name.split("-")
        subjects = dict(re.findall(r"(?m)^ {4}(\w+) += \"(.*)\"$", _subjects_of(environment)))
        assert subjects[purpose].replace("${var.environment}", environment) == _subject(job), name
        if purpose == "watch":
            # Of other branches the role knows nothing; said here too, so that such a run is skipped and does not fail.
            assert job.data["if"] == "github.ref == 'refs/heads/main'"
        account = load(PROJECT, environment, personal=False).environment.accounts.own
        assert arn == f"arn:aws:iam::{account}:role/{name}"


def _subjects_of(environment: str) -> str:
    text = (PROJECT / "terraform" / environment / "42-iam-github.tf").read_text()
    return text.partition("github_subjects = {\n")[2].partition("\n  }")[0]


def test_only_the_reading_roles_are_used_before_an_approval() -> None:
    used = {
        (job.workflow.name, arn.rpartition("-")[2])
        for job in JOBS
        if "environment" not in job.data
        for arn in job.roles
    }
    assert used == {
        ("pull-request.yml", "plan"), ("drift.yml", "watch"), ("scan.yml", "watch"), ("deploy-production.yml", "watch"),
    }  # fmt: skip


def test_a_fork_gets_neither_credentials_nor_a_token_that_writes() -> None:
    own = "github.event.pull_request.head.repo.full_name == github.repository"
    for job in BY_NAME["pull-request"].jobs.values():
        if job.data["permissions"] != {"contents": "read"}:
            assert f"&& {own}" in " ".join(job.data["if"].split()), job.id


def test_expressions_stand_in_no_script_and_in_no_name_of_a_file() -> None:
    for job in JOBS:
        assert not [step for step in job.steps if EXPRESSION.search(step.get("run", ""))]


# rendering


def _differs(project: Path) -> tuple[str, ...]:
    changes = writer.compare(project, writer.WORKFLOWS, _tree(project))
    return (*changes.added, *changes.changed, *changes.removed)


def _tree(project: Path) -> dict[str, str]:
    return render_workflows(project, [load(project, name, personal=False).environment for name in names(project)])


def test_a_change_of_template_values_or_files_is_noticed_and_mended(tmp_path: Path) -> None:
    project = copy_project(tmp_path / "project")
    assert _differs(project) == ()
    template = project / "templates/github/drift.yml.j2"
    template.write_text(template.read_text().replace("23 4 * * *", "24 4 * * *"))
    stale = project / ".github/workflows/gone.yml"
    stale.write_text(f"{MARK}templates/github/gone.yml.j2. Do not edit\n")
    own = project / ".github/workflows/own.yml"
    own.write_text("name: own\n")
    assert _differs(project) == (".github/workflows/drift.yml", ".github/workflows/gone.yml")
    changes = writer.write(project, writer.WORKFLOWS, _tree(project))
    assert changes.foreign == (".github/workflows/own.yml",)
    assert _differs(project) == ()
    assert not stale.exists()
    assert own.exists()
    assert "24 4 * * *" in (project / ".github/workflows/drift.yml").read_text()


def test_a_new_environment_is_watched_at_once(tmp_path: Path) -> None:
    project = copy_project(tmp_path / "project")
    text = (project / "environments/dev.yaml").read_text().replace("name: dev", "name: try").replace("dev/", "try/")
    (project / "environments/try.yaml").write_text(text.replace("thoth-dev-", "thoth-try-"))
    tree = _tree(project)
    rows = [row["environment"] for row in Workflow("drift.yml", tree["drift.yml"]).jobs["drift"].rows]
    assert set(rows) == {"dev", "staging", "production", "try"}


def test_without_an_environment_its_deployment_goes(tmp_path: Path) -> None:
    project = copy_project(tmp_path / "project")
    (project / "environments/staging.yaml").unlink()
    assert "deploy-staging.yml" not in _tree(project)
    assert ".github/workflows/deploy-staging.yml" in _differs(project)
