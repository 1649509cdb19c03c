"""The right engine is chosen, and starts exactly the pinned Terraform in the right place."""

from __future__ import annotations

import os
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from tests.terraform.conftest import PIN, Script
from tests.terraform.test_mirror import TARGET, unpacked
from thoth_infra.errors import EngineError
from thoth_infra.terraform.docker import Container, DockerEngine, docker_argv
from thoth_infra.terraform.engines import resolve
from thoth_infra.terraform.launch import Completed
from thoth_infra.terraform.local import LocalEngine
from thoth_infra.terraform.version import Pin
from thoth_infra.terraform.workspace import Workspace

ANSWERS = "echo 27.0.1"
NO_ENGINE = 'echo "Cannot connect to the Docker daemon" >&2; exit 1'


def only(path: Path) -> dict[str, str]:
    """Return an environment in which nothing but the scripts beside ``path`` is found."""
    return {"PATH": str(path.parent), "HOME": str(path.parent)}


# --- which engine -------------------------------------------------------------------------------------


def test_auto_takes_docker_when_its_engine_answers(script: Script, fake_terraform: Path) -> None:
    docker = script("docker", ANSWERS)
    assert resolve("auto", PIN, only(docker)) == DockerEngine(PIN, str(docker))


@pytest.mark.parametrize("body", [None, NO_ENGINE, "exit 0", "exec /bin/sleep 60"])
def test_auto_takes_the_local_terraform_when_no_engine_answers(
    script: Script, fake_terraform: Path, body: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("thoth_infra.terraform.engines._PROBE_TIMEOUT_S", 0.2)
    if body is not None:
        script("docker", body)
    assert resolve("auto", PIN, only(fake_terraform)) == LocalEngine(PIN, fake_terraform)


def test_a_docker_that_does_not_run_is_no_engine(script: Script, fake_terraform: Path) -> None:
    script("docker", "").write_text("#!/no/such/interpreter\n")
    assert resolve("auto", PIN, only(fake_terraform)).kind == "local"


def test_choosing_starts_no_terraform(script: Script, tmp_path: Path) -> None:
    terraform = script("terraform", f'echo "$@" > "{tmp_path}/calls"')
    resolve("auto", PIN, only(terraform))
    assert not (tmp_path / "calls").exists()


def test_neither_engine_is_an_error_that_tells_how_to_get_both(script: Script) -> None:
    docker = script("docker", NO_ENGINE)
    with pytest.raises(EngineError, match=r"Cannot connect to the Docker daemon.*no terraform on PATH") as error:
        resolve("auto", PIN, only(docker))
    assert error.value.exit_code == 5
    assert "hashicorp/terraform:1.11.4" in (error.value.hint or "")
    assert "install Terraform 1.11.4" in (error.value.hint or "")


def test_docker_asked_for_is_not_replaced(script: Script, fake_terraform: Path) -> None:
    script("docker", NO_ENGINE)
    with pytest.raises(EngineError, match="no Docker engine answers"):
        resolve("docker", PIN, only(fake_terraform))


def test_local_asked_for_is_not_replaced(script: Script) -> None:
    docker = script("docker", ANSWERS)
    with pytest.raises(EngineError, match=r"^no terraform on PATH$"):
        resolve("local", PIN, only(docker))


def test_a_dead_socket_is_no_engine(variables: dict[str, str], tmp_path: Path, fake_terraform: Path) -> None:
    variables |= {"DOCKER_HOST": f"unix://{tmp_path}/none.sock", "THOTH_TERRAFORM": str(fake_terraform)}
    assert resolve("auto", PIN, variables) == LocalEngine(PIN, fake_terraform)


def test_the_named_terraform_is_taken(script: Script, fake_terraform: Path) -> None:
    other = script("terraform-1.11.4", "")
    variables = only(fake_terraform) | {"THOTH_TERRAFORM": str(other)}
    assert resolve("local", PIN, variables) == LocalEngine(PIN, other)


def test_a_named_terraform_that_is_none_is_an_error(fake_terraform: Path) -> None:
    with pytest.raises(EngineError, match="THOTH_TERRAFORM=/nowhere/terraform is not a program"):
        resolve("local", PIN, only(fake_terraform) | {"THOTH_TERRAFORM": "/nowhere/terraform"})


# --- local --------------------------------------------------------------------------------------------


def test_local_runs_in_the_tree_with_data_in_the_scratch_folder(
    workspace: Workspace, variables: dict[str, str], fake_terraform: Path
) -> None:
    variables |= {"GITHUB_TOKEN": "kept for credential helpers", "TF_CLI_ARGS": "-destroy"}
    launch = LocalEngine(PIN, fake_terraform).launch(("plan", "-out=a b"), workspace, variables)
    assert launch.argv == (str(fake_terraform), "plan", "-out=a b")
    assert launch.cwd == workspace.tree
    assert launch.env["TF_DATA_DIR"] == str(workspace.scratch / "terraform")
    assert launch.env["TF_IN_AUTOMATION"] == "1"
    assert launch.env["CHECKPOINT_DISABLE"] == "1"
    assert launch.env["GITHUB_TOKEN"]
    assert "TF_CLI_ARGS" not in launch.env
    assert (launch.interactive, launch.interrupt) == (False, None)
    assert workspace.scratch.stat().st_mode & 0o777 == 0o700


def test_a_person_at_a_terminal_is_no_automation(
    workspace: Workspace, variables: dict[str, str], fake_terraform: Path
) -> None:
    launch = LocalEngine(PIN, fake_terraform).launch(("console",), workspace, variables, tty=True)
    assert launch.interactive
    assert "TF_IN_AUTOMATION" not in launch.env


def test_only_exactly_the_pinned_version_is_run(
    workspace: Workspace, variables: dict[str, str], fake_terraform: Path
) -> None:
    with pytest.raises(EngineError, match=r"is Terraform 1\.11\.4; this project is pinned to 1\.11\.5") as error:
        LocalEngine(Pin("1.11.5"), fake_terraform).launch(("plan",), workspace, variables)
    assert "install Terraform 1.11.5" in (error.value.hint or "")


def test_the_version_is_asked_again_only_when_the_binary_changes(
    workspace: Workspace, variables: dict[str, str], script: Script, tmp_path: Path
) -> None:
    body = f'echo asked >> "{tmp_path}/asked"; echo \'{{"terraform_version": "%s"}}\''
    engine = LocalEngine(PIN, script("terraform", body % "1.11.4"))
    for _ in range(3):
        engine.launch(("plan",), workspace, variables)
    assert (tmp_path / "asked").read_text().split() == ["asked"]
    script("terraform", body % "1.12.0 ")
    with pytest.raises(EngineError, match=r"is Terraform 1\.12\.0"):
        engine.launch(("plan",), workspace, variables)


def test_a_damaged_memory_of_the_version_is_not_believed(
    workspace: Workspace, variables: dict[str, str], fake_terraform: Path
) -> None:
    workspace.scratch.mkdir(parents=True)
    for content in ("", "[]", '{"binary": 1}'):
        (workspace.scratch / "engine.json").write_text(content)
        assert LocalEngine(PIN, fake_terraform).launch(("plan",), workspace, variables).argv


@pytest.mark.parametrize("body", ["exit 1", "echo Terraform v1.11.4", "echo {}"])
def test_a_binary_that_does_not_tell_its_version_is_refused(
    workspace: Workspace, variables: dict[str, str], script: Script, body: str
) -> None:
    with pytest.raises(EngineError, match="does not say which Terraform it is"):
        LocalEngine(PIN, script("terraform", body)).launch(("plan",), workspace, variables)


def test_the_local_engine_never_fails_on_its_own(fake_terraform: Path) -> None:
    assert LocalEngine(PIN, fake_terraform).failure(Completed(125)) is None


# --- docker -------------------------------------------------------------------------------------------


def test_docker_argv() -> None:
    container = Container(
        image="hashicorp/terraform:1.11.4",
        name="run-1",
        environment="staging",
        user="1000:100",
        workdir=Path("/p/terraform/staging"),
        writable=(Path("/p"), Path("/cache")),
        readable=(Path("/mirror"),),
        names=("AWS_REGION", "TF_LOG"),
    )
    assert docker_argv(container, ("plan", "-target=a b")) == (
        *("docker", "run", "--rm", "-i", "--name", "run-1", "--label", "thoth-infra.environment=staging"),
        *("--user", "1000:100", "--workdir", "/p/terraform/staging"),
        *("--security-opt", "no-new-privileges", "--cap-drop", "ALL"),
        *("--mount", "type=bind,src=/p,dst=/p", "--mount", "type=bind,src=/cache,dst=/cache"),
        *("--mount", "type=bind,src=/mirror,dst=/mirror,readonly"),
        *("--env", "HOME=/tmp", "--env", "AWS_REGION", "--env", "TF_LOG"),
        *("hashicorp/terraform:1.11.4", "plan", "-target=a b"),
    )
    assert "-t" in docker_argv(replace(container, tty=True), ())
    emulated = docker_argv(replace(container, host_network=True), ())
    assert emulated[emulated.index("--network") + 1] == "host"


@pytest.mark.parametrize("name", ["a,b", 'a"b'])
def test_a_path_that_docker_cannot_mount_is_refused(name: str) -> None:
    container = Container("i", "n", "e", "0:0", Path("/p"), writable=(Path("/p") / name,))
    with pytest.raises(EngineError, match="can't mount"):
        docker_argv(container, ())


def test_docker_sees_what_terraform_needs_and_no_more(
    workspace: Workspace, variables: dict[str, str], tmp_path: Path
) -> None:
    mirror, cache, bundle = tmp_path / "mirror", tmp_path / "cache", tmp_path / "ca.pem"
    unpacked(mirror, target=TARGET)
    bundle.touch()
    variables |= {
        "THOTH_PROVIDER_MIRROR": str(mirror),
        "TF_PLUGIN_CACHE_DIR": str(cache),
        "AWS_CA_BUNDLE": str(bundle),
        "SSL_CERT_FILE": str(tmp_path / "missing"),
        "AWS_SECRET_ACCESS_KEY": "s3cret",
        "AWS_PROFILE": "tfs-ai-staging",
        "GITHUB_TOKEN": "t0ken",
    }
    launch = DockerEngine(PIN).launch(("plan",), workspace, variables)
    words = launch.argv
    assert [word for word in words if word.startswith("type=bind")] == [
        f"type=bind,src={workspace.project},dst={workspace.project}",
        f"type=bind,src={cache},dst={cache}",
        f"type=bind,src={mirror},dst={mirror},readonly",
        f"type=bind,src={bundle},dst={bundle},readonly",
    ]
    names = [word for before, word in pairwise(words) if before == "--env"]
    assert names == [
        "HOME=/tmp",
        "AWS_CA_BUNDLE",
        "AWS_EC2_METADATA_DISABLED",
        "AWS_SECRET_ACCESS_KEY",
        "CHECKPOINT_DISABLE",
        "SSL_CERT_FILE",
        "TF_CLI_CONFIG_FILE",
        "TF_DATA_DIR",
        "TF_IN_AUTOMATION",
        "TF_PLUGIN_CACHE_DIR",
    ]
    assert "s3cret" not in " ".join(words)
    assert "s3cret" not in repr(launch)
    assert launch.env["AWS_SECRET_ACCESS_KEY"] == "s3cret"
    assert launch.env["PATH"] == variables["PATH"]  # the client's own
    assert words[words.index("--user") + 1] == f"{os.getuid()}:{os.getgid()}"
    assert "--network" not in words


def test_an_emulated_run_reaches_the_loopback(workspace: Workspace, variables: dict[str, str]) -> None:
    emulated = replace(workspace, emulated=True)
    words = DockerEngine(PIN).launch(("plan",), emulated, variables).argv
    assert words[words.index("--network") + 1] == "host"


def test_an_interrupt_goes_to_the_container_by_name(workspace: Workspace, variables: dict[str, str]) -> None:
    first, second = (DockerEngine(PIN).launch(("plan",), workspace, variables) for _ in range(2))
    name = first.argv[first.argv.index("--name") + 1]
    assert first.interrupt == ("docker", "kill", "--signal", "INT", name)
    assert name.startswith("thoth-infra-staging-")
    assert first.interrupt != second.interrupt


@pytest.mark.parametrize(
    ("code", "said", "message"),
    [
        (
            125,
            "Unable to find image 'hashicorp/terraform:1.11.4' locally\n"
            "docker: Error response from daemon: pull access denied\n",
            "Error response from daemon: pull access denied",
        ),
        (127, "", "see its message above"),
    ],
)
def test_an_image_that_is_not_to_be_had(code: int, said: str, message: str) -> None:
    error = DockerEngine(PIN).failure(Completed(code, stderr=said))
    assert error is not None
    assert error.message == f"Docker could not run hashicorp/terraform:1.11.4: {message}"
    assert "--engine local" in (error.hint or "")


def test_terraforms_own_failure_is_not_dockers() -> None:
    assert DockerEngine(PIN).failure(Completed(1, stderr="Error: Invalid reference")) is None
