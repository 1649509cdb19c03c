"""terraform-docker.sh runs the same container as the Docker engine, and needs nothing but bash and Docker."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from tests.terraform.conftest import PIN, Script
from tests.terraform.test_mirror import packed, unpacked
from thoth_infra.terraform.docker import DockerEngine
from thoth_infra.terraform.launch import Launch
from thoth_infra.terraform.version import read_pin
from thoth_infra.terraform.workspace import Workspace

Arrange = Callable[[dict[str, str], Path], None]

SCRIPT = Path(__file__).parents[2] / "terraform-docker.sh"


@pytest.fixture
def project(workspace: Workspace, variables: dict[str, str], script: Script) -> Workspace:
    """The project with the script in it, and a ``docker`` that prints what it was given."""
    shutil.copy2(SCRIPT, workspace.project)
    body = "import json, os, sys; print(json.dumps([sys.argv[1:], dict(os.environ)]))"
    docker = script("docker", f"exec {sys.executable} -c '{body}' \"$@\"")
    variables["PATH"] = f"{docker.parent}:{os.environ['PATH']}"
    return workspace


def run(project: Workspace, variables: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    script = project.project / "terraform-docker.sh"
    return subprocess.run(
        [script, *arguments],
        env=variables,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def comparable(words: list[str]) -> list[str]:
    """Blank out the container's name, the only word that differs between two runs."""
    return [re.sub(r"^(thoth-infra-\w+-)[0-9a-f]{8}$", r"\1*", word) for word in words]


def same(launch: Launch, printed: str) -> None:
    words, environment = json.loads(printed)
    assert comparable(words) == comparable(list(launch.argv[1:]))
    passed = [after for before, after in pairwise(words) if before == "--env"]
    for name in passed:
        if "=" not in name:
            assert environment[name] == launch.env[name], name


DIGEST = "sha256:" + "ab" * 32


def named_mirror(layout: Callable[[Path], Path]) -> Arrange:
    def arrange(variables: dict[str, str], folder: Path) -> None:
        layout(folder / "mirror")
        variables["THOTH_PROVIDER_MIRROR"] = str(folder / "mirror")

    return arrange


def linked_mirror(variables: dict[str, str], folder: Path) -> None:
    package = unpacked(folder / "store")
    link = folder / "share" / "terraform" / "plugins" / package.relative_to(folder / "store")
    link.parent.mkdir(parents=True)
    link.symlink_to(package)
    variables["XDG_DATA_DIRS"] = str(folder / "share")


def mirror_in_home(variables: dict[str, str], folder: Path) -> None:
    unpacked(Path(variables["HOME"]) / ".terraform.d" / "plugins")


def mirror_is_cache(variables: dict[str, str], folder: Path) -> None:
    unpacked(folder / "cache")
    variables["TF_PLUGIN_CACHE_DIR"] = str(folder / "cache")


def user_file(text: str) -> Arrange:
    def arrange(variables: dict[str, str], folder: Path) -> None:
        (folder / "mirror").mkdir()
        (Path(variables["HOME"]) / ".terraformrc").write_text(text.replace("MIRROR", str(folder / "mirror")))

    return arrange


def named_file(variables: dict[str, str], folder: Path) -> None:
    (folder / "rc").write_text("disable_checkpoint = true\n")
    variables["TF_CLI_CONFIG_FILE"] = str(folder / "rc")


def certificates(variables: dict[str, str], folder: Path) -> None:
    (folder / "certs").mkdir()
    (folder / "certs" / "ca.pem").touch()
    variables |= {
        "SSL_CERT_DIR": str(folder / "certs"),
        "SSL_CERT_FILE": str(folder / "certs" / "ca.pem"),
        "AWS_CA_BUNDLE": str(folder / "missing.pem"),
    }


def full_environment(variables: dict[str, str], folder: Path) -> None:
    variables |= {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "a secret, with = and spaces",
        "AWS_PROFILE": "tfs-ai-staging",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:5000",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1/",
        "AWS_EMPTY": "",
        "TF_VAR_image_tag": "a\nb",
        "TF_LOG": "INFO",
        "TF_CLI_ARGS": "-destroy",
        "TF_WORKSPACE": "other",
        "TF_INPUT": "1",
        "TF_DATA_DIR": "/elsewhere",
        "https_proxy": "http://proxy:3128",
        "NO_PROXY": "localhost",
        "GITHUB_TOKEN": "token",
    }


def pinned_digest(variables: dict[str, str], folder: Path) -> None:
    (folder / "project" / ".terraform-version").write_text(f"1.11.4 {DIGEST}\n")


CASES: dict[str, Arrange] = {
    "plain": lambda variables, folder: None,
    "unpacked mirror": named_mirror(unpacked),
    "packed mirror": named_mirror(packed),
    "linked mirror": linked_mirror,
    "mirror in the home folder": mirror_in_home,
    "mirror is the plugin cache": mirror_is_cache,
    "plugin cache": lambda variables, folder: variables.update(TF_PLUGIN_CACHE_DIR=str(folder / "cache")),
    "configured plugin cache": user_file('plugin_cache_dir   = "$HOME/cache"\n'),
    "user file that installs": user_file(
        'provider_installation {\n  filesystem_mirror {\n    path = "MIRROR"\n  }\n}\n'
    ),
    "user file in JSON": user_file('{\n  "plugin_cache_dir": "$HOME/cache"\n}\n'),
    "user file, named": named_file,
    "missing file, named": lambda variables, folder: variables.update(TF_CLI_CONFIG_FILE=str(folder / "missing")),
    "certificates": certificates,
    "everything in the environment": full_environment,
    "digest": pinned_digest,
}


@pytest.mark.parametrize("emulated", [False, True], ids=["AWS", "emulated"])
@pytest.mark.parametrize("case", CASES)
def test_the_script_and_the_engine_run_the_same_container(
    project: Workspace, variables: dict[str, str], tmp_path: Path, case: str, emulated: bool
) -> None:
    CASES[case](variables, tmp_path)
    workspace = project
    if emulated:
        workspace = replace(project, scratch=project.scratch / "emulated", emulated=True)
        variables["THOTH_EMULATED"] = "1"
    launch = DockerEngine(read_pin(project.project)).launch(("plan", "-target=a b"), workspace, variables)
    config = workspace.scratch / "terraform.rc"
    composed = config.read_text() if config.exists() else None
    config.unlink(missing_ok=True)
    done = run(project, variables, "staging", "plan", "-target=a b")
    assert done.returncode == 0, done.stderr
    same(launch, done.stdout)
    assert (config.read_text() if config.exists() else None) == composed
    if composed is not None:
        assert config.stat().st_mode & 0o777 == 0o600


def test_a_terminal_is_passed_on(project: Workspace, variables: dict[str, str]) -> None:
    launch = DockerEngine(PIN).launch(("console",), project, variables, tty=True)
    controller, terminal = pty.openpty()
    script = project.project / "terraform-docker.sh"
    with subprocess.Popen([script, "staging", "console"], env=variables, stdin=terminal, stdout=terminal) as child:
        printed = b""
        while not printed.endswith(b"\n"):
            printed += os.read(controller, 65_536)
        os.close(terminal)
    os.close(controller)
    assert child.returncode == 0
    assert "-t" in launch.argv
    same(launch, printed.decode())


def test_an_exported_profile_is_resolved_on_the_host(
    project: Workspace, variables: dict[str, str], script: Script
) -> None:
    script("aws", 'echo "export AWS_ACCESS_KEY_ID=resolved AWS_SECRET_ACCESS_KEY=hidden"')
    variables["AWS_PROFILE"] = "tfs-ai-staging"
    words, environment = json.loads(run(project, variables, "staging", "plan").stdout)
    assert "AWS_ACCESS_KEY_ID" in words
    assert "AWS_PROFILE" not in words
    assert environment["AWS_ACCESS_KEY_ID"] == "resolved"
    assert "hidden" not in " ".join(words)


@pytest.mark.parametrize("aws", [None, "exit 255"])
def test_a_profile_that_cannot_be_resolved_stops(
    project: Workspace, variables: dict[str, str], script: Script, aws: str | None
) -> None:
    stubs = script("aws", aws or "")
    if aws is None:
        stubs.unlink()
    variables["PATH"] = f"{stubs.parent}:/usr/bin:/bin"
    if aws is None and shutil.which("aws", path=variables["PATH"]):
        pytest.skip("the AWS CLI is in a folder that the script can't do without")
    variables["AWS_PROFILE"] = "tfs-ai-staging"
    done = run(project, variables, "staging", "plan")
    assert done.returncode == 4
    assert done.stdout == ""
    assert ("aws sso login" if aws else "install the AWS CLI") in done.stderr


@pytest.mark.parametrize("name", ["nowhere", "../terraform/staging", ".."])
def test_an_environment_that_is_not_rendered_stops(project: Workspace, variables: dict[str, str], name: str) -> None:
    done = run(project, variables, name, "plan")
    assert done.returncode == 1
    assert f"thoth-infra render --env {name}" in done.stderr


def test_a_named_mirror_without_the_provider_stops(project: Workspace, variables: dict[str, str]) -> None:
    variables["THOTH_PROVIDER_MIRROR"] = "/nowhere"
    done = run(project, variables, "staging", "plan")
    assert (done.returncode, done.stdout) == (5, "")
    assert "does not hold registry.terraform.io/hashicorp/aws 5.100.0" in done.stderr


def test_help_and_usage(project: Workspace, variables: dict[str, str]) -> None:
    helped = run(project, variables, "-h")
    assert helped.returncode == 0
    assert "./terraform-docker.sh ENVIRONMENT ARGUMENTS" in helped.stdout
    assert "#" not in helped.stdout
    missing = run(project, variables)
    assert (missing.returncode, missing.stdout, missing.stderr) == (2, "", helped.stdout)


def test_bash_reads_it() -> None:
    subprocess.run(["/bin/bash", "-n", SCRIPT], check=True)
    assert os.access(SCRIPT, os.X_OK)


@pytest.mark.docker
def test_it_runs_the_real_image(project: Workspace, variables: dict[str, str], docker_engine: str) -> None:
    variables["PATH"] = os.environ["PATH"]
    done = run(project, variables, "staging", "version", "-json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["terraform_version"] == PIN.version
