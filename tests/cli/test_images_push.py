"""``thoth-infra images push``, ``lock`` and ``list``: a registry on loopback, tiny images in a real Docker engine."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.emulator.conftest import REGION, AsAccount, account, aws, emulator, other_account
from tests.marks import slow
from tests.workers.containers import docker, engine_or_skip
from thoth_infra.config import images_lock
from thoth_infra.contract.services import IMAGES
from thoth_infra.emulator.access import Emulator
from thoth_infra.emulator.patches.ecr_scan import CRITICAL

__all__ = ["account", "aws", "emulator", "other_account"]

PROJECT = Path(__file__).resolve().parents[2]
NAMES = list(IMAGES)
# Notes how Docker is called, then calls it; the first push of a test can be cut off, refused, or last for ever.
_NOTING = """#!/bin/sh
printf '%s\\n' "$*" >> "$NOTES/calls"
if [ -n "$DOCKER_CONFIG" ] && [ "$1" = login ]; then
  echo "$DOCKER_CONFIG" > "$NOTES/folder"; stat -c %a "$DOCKER_CONFIG" > "$NOTES/mode"
  cp "$DOCKER_CONFIG/config.json" "$NOTES/config.json"; ls "$DOCKER_CONFIG" > "$NOTES/listing"; env > "$NOTES/env"
fi
if [ "$2" = push ] && [ -e "$NOTES/trouble" ]; then
  said=$(cat "$NOTES/trouble"); rm "$NOTES/trouble"
  if [ "$said" = for-ever ]; then echo pushing > "$NOTES/pushing"; exec sleep 60; fi
  echo "$said" >&2; exit 1
fi
exec "$REAL_DOCKER" "$@"
"""


@dataclass
class Bench:
    """A project in a git checkout of its own, an operator of the shared account, and a Docker that takes notes."""

    root: Path
    notes: Path
    aws: AsAccount
    shared: str
    own: str
    variables: dict[str, str]

    def __call__(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments, **variables)
        out, err = process.communicate(timeout=120)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "thoth_infra", *arguments], cwd=self.root, env={**self.variables, **variables},
            text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip

    def git(self, *arguments: str) -> str:
        who = ("-c", "user.name=t", "-c", "user.email=t@example.com")
        clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        done = subprocess.run(
            ("git", *who, *arguments), cwd=self.root, env=clean, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    @property
    def commit(self) -> str:
        return self.git("rev-parse", "--short=12", "HEAD")

    def build(self, *names: str, tag: str = "", revision: str | None = None) -> str:
        """Build images of nothing but some bytes, as ``images build`` names and labels them; return their tag."""
        folder, tag = self.root / ".build", tag or self.commit
        folder.mkdir(exist_ok=True)
        (folder / "Dockerfile").write_text("FROM scratch\nCOPY content /content\n")
        label = f"org.opencontainers.image.revision={self.commit if revision is None else revision}"
        for name in names or NAMES:
            (folder / "content").write_text(secrets.token_hex())
            docker("build", "--quiet", "--tag", f"thoth/{name}:{tag}", "--label", label, str(folder))
        shutil.rmtree(folder)
        return tag

    @property
    def lock(self) -> Path:
        return self.root / "environments" / "dev.images.lock"

    def registry(self) -> dict[str, dict[str, str]]:
        """Return the digest of each tag of each image."""
        ecr = self.aws("ecr", account_id=self.shared)
        return {
            name: {
                tag: image["imageDigest"]
                for image in ecr.describe_images(repositoryName=f"thoth/{name}")["imageDetails"]
                for tag in image.get("imageTags", ())
            }
            for name in NAMES
        }

    @property
    def calls(self) -> list[str]:
        file = self.notes / "calls"
        return file.read_text().splitlines() if file.exists() else []

    def count(self, start: str) -> int:
        return sum(call.startswith(start) for call in self.calls)


@pytest.fixture
def bench(tmp_path: Path, aws: AsAccount, emulator: Emulator, account: str, other_account: str) -> Iterator[Bench]:
    root, notes = tmp_path / "project", tmp_path / "notes"
    shutil.copytree(PROJECT / "environments", root / "environments", ignore=shutil.ignore_patterns("*.lock"))
    (root / "workers").mkdir()
    for part in (".terraform-version", ".dockerignore", "workers/Dockerfile"):
        shutil.copy(PROJECT / part, root / part)
    (root / "workers" / "this.py").write_text(f"# {tmp_path}\n")  # so that the commit is no other test's
    home = tmp_path / "home" / ".docker"
    (home / "contexts").mkdir(parents=True)
    (home / "config.json").write_text(
        json.dumps({"proxies": {}, "auths": {"x": {"auth": "c2VjcmV0"}}, "credsStore": "y"})
    )
    notes.mkdir()
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "docker").write_text(_NOTING)
    (tools / "docker").chmod(0o755)
    redirected = emulator.variables(account_id=other_account, region=REGION, role="tfs-shared-services")
    variables = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "THOTH_", "GIT_"))},
        **{name: value for name, value in redirected.items() if value},
        "THOTH_ACCOUNTS__OWN": account,
        "THOTH_ACCOUNTS__SHARED": other_account,
        "DOCKER_CONFIG": str(home),
        "NOTES": str(notes),
        "REAL_DOCKER": shutil.which("docker") or "/bin/false",
        "PATH": f"{tools}:{os.environ['PATH']}",
        "TMPDIR": str(tmp_path),
    }
    made = Bench(root, notes, aws, other_account, account, variables)
    defaults = root / "environments" / "_defaults.yaml"  # the shared account's side is loaded from files alone
    defaults.write_text(defaults.read_text().replace('"542876199144"', f'"{other_account}"'))
    made.git("init", "--quiet")
    made.git("add", ".")
    made.git("commit", "--quiet", "--message", "first")
    for name in NAMES:
        aws("ecr", account_id=other_account).create_repository(
            repositoryName=f"thoth/{name}", imageTagMutability="IMMUTABLE"
        )
    yield made


@pytest.fixture
def built(bench: Bench) -> Iterator[Bench]:
    """A bench with all images of its commit in the Docker engine."""
    engine_or_skip()
    bench.build()
    yield bench
    mine = docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}").splitlines()
    tags = {commit[:12] for commit in bench.git("log", "--format=%H").split()}
    for name in mine:
        if name.startswith("thoth/") and name.partition(":")[2].removesuffix("-dirty") in tags:
            docker("image", "rm", name)


def _digests(lock: Path) -> dict[str, str]:
    return images_lock.recorded(lock)


def test_what_was_built_is_pushed_and_its_digests_are_locked(built: Bench) -> None:
    tag = built.commit
    done = built("images", "push", "--env", "dev")
    assert done.returncode == 0, done.stderr

    there = built.registry()
    assert _digests(built.lock) == {name: there[name][tag] for name in NAMES}
    assert f'tag: "{tag}"' in built.lock.read_text()
    assert "environments/dev.images.lock" in done.stdout
    explained = built("env", "explain", "images.digests.api", "--env", "dev").stdout
    assert there["api"][tag] in explained
    assert "environments/dev.images.lock:" in explained

    before = len(built.calls)
    again = built("--json", "images", "push", "--env", "dev")
    assert [image["pushed"] for image in json.loads(again.stdout)["images"]] == [False] * len(NAMES)
    assert json.loads(again.stdout)["changed"] is False
    assert not [call for call in built.calls[before:] if call.startswith(("login", "image push"))]


def test_the_password_is_seen_by_nobody_and_not_kept(built: Bench) -> None:
    done = built("-v", "images", "push", "api", "--env", "dev")
    assert done.returncode == 0, done.stderr
    password = f"emulated-{built.shared}"
    assert "login --username AWS --password-stdin" in "\n".join(built.calls)
    for text in (done.stdout, done.stderr, "\n".join(built.calls), (built.notes / "env").read_text()):
        assert password not in text
        assert "AWS_SECRET_ACCESS_KEY" not in text
    assert (built.notes / "mode").read_text().strip() == "700"
    assert not Path((built.notes / "folder").read_text().strip()).exists()
    # The user's own configuration is in force, but for the sign-ins, and is left alone.
    assert json.loads((built.notes / "config.json").read_text()) == {"proxies": {}}
    assert "contexts" in (built.notes / "listing").read_text().split()
    own = json.loads(Path(built.variables["DOCKER_CONFIG"], "config.json").read_text())
    assert own == {"proxies": {}, "auths": {"x": {"auth": "c2VjcmV0"}}, "credsStore": "y"}
    # … and the engine has no other names than before.
    names = docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}").splitlines()
    assert not [name for name in names if name.startswith("127.0.0.1") and name.endswith(built.commit)]


@pytest.mark.slow
def test_images_that_are_not_pushed_keep_their_digests(built: Bench) -> None:
    assert built("images", "push", "--env", "dev").returncode == 0
    before = _digests(built.lock)
    (built.root / "workers" / "this.py").write_text("# changed\n")
    built.git("commit", "--quiet", "--all", "--message", "second")
    tag = built.build("transcription")

    done = built("images", "push", "transcription", "--env", "dev")

    assert done.returncode == 0, done.stderr
    after = _digests(built.lock)
    assert after["transcription"] == built.registry()["transcription"][tag] != before["transcription"]
    assert {name for name in NAMES if after[name] == before[name]} == {*NAMES} - {"transcription"}
    assert "api, audio-extraction, music-terms keep the digest of an earlier push" in done.stderr


@pytest.mark.slow
def test_a_tag_that_is_another_image_already_stays_and_nothing_is_pushed(built: Bench) -> None:
    assert built("images", "push", "api", "--env", "dev").returncode == 0
    before, text = built.registry(), built.lock.read_text()
    built.build("api")

    done = built("images", "push", "--env", "dev")

    assert done.returncode == 1
    assert "has another api under the tag" in done.stderr
    assert "tags are never moved" in done.stderr
    assert (built.registry(), built.lock.read_text()) == (before, text)


@pytest.mark.slow
def test_a_push_that_is_cut_off_is_tried_again(built: Bench) -> None:
    (built.notes / "trouble").write_text("write tcp 10.0.0.1:1->10.0.0.2:443: connection reset by peer")
    done = built("images", "push", "api", "--env", "dev")
    assert done.returncode == 0, done.stderr
    assert built.count("image push") == 2
    assert "connection reset by peer" in done.stderr
    assert _digests(built.lock) == {"api": built.registry()["api"][built.commit]}


@pytest.mark.slow
def test_a_push_that_is_denied_is_not_and_the_lock_stays(built: Bench) -> None:
    (built.notes / "trouble").write_text("denied: User: arn:aws:sts::1:assumed-role/x is not authorized")
    done = built("images", "push", "--env", "dev")
    assert done.returncode == 5
    assert "denied: User" in done.stderr
    assert built.count("image push") == 1
    assert not built.lock.exists()


@pytest.mark.parametrize("with_signal", [signal.SIGINT, *slow(signal.SIGTERM)])
def test_an_interrupted_push_leaves_neither_a_sign_in_nor_a_lock(built: Bench, with_signal: signal.Signals) -> None:
    (built.notes / "trouble").write_text("for-ever")
    process = built.start("images", "push", "--env", "dev")
    while not (built.notes / "pushing").exists():
        assert process.poll() is None, process.communicate()
    os.killpg(process.pid, with_signal)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert not Path((built.notes / "folder").read_text().strip()).exists()
    assert not built.lock.exists()


@pytest.mark.slow
def test_images_of_more_than_a_commit_are_refused(built: Bench) -> None:
    (built.root / "workers" / "this.py").write_text("# not committed\n")
    tag = built.build(tag=f"{built.commit}-dirty", revision=f"{built.commit}-dirty")

    refused = built("images", "push", "--env", "dev")
    assert refused.returncode == 1
    assert "made of more than a commit" in refused.stderr
    # Not by another name either, and never where it matters.
    docker("image", "tag", f"thoth/api:{tag}", f"thoth/api:{built.commit}")
    assert built("images", "push", "api", "--env", "dev", "--tag", built.commit).returncode == 1
    protected = built("images", "push", "--env", "production", "--allow-dirty")
    assert (protected.returncode, "production is protected" in protected.stderr) == (1, True)
    assert built.count("login") == 0

    allowed = built("images", "push", "api", "--env", "dev", "--allow-dirty")
    assert allowed.returncode == 0, allowed.stderr
    assert f'tag: "{tag}"' in built.lock.read_text()


@pytest.mark.slow
def test_locks_and_rendered_trees_do_not_make_a_checkout_dirty(built: Bench) -> None:
    assert built("images", "push", "--env", "dev").returncode == 0
    staging = built("images", "push", "--env", "staging")
    assert staging.returncode == 0, staging.stderr
    assert _digests(built.lock.with_name("staging.images.lock")) == _digests(built.lock)


@pytest.mark.slow
def test_what_is_not_built_is_named(built: Bench) -> None:
    docker("image", "rm", f"thoth/music-terms:{built.commit}")
    done = built("images", "push", "--env", "dev")
    assert done.returncode == 1
    assert f"not built for {built.commit}: music-terms" in done.stderr
    assert f"images build music-terms --tag {built.commit}" in done.stderr
    assert built.count("login") == 0


def test_a_repository_that_is_missing_is_named(built: Bench) -> None:
    built.aws("ecr", account_id=built.shared).delete_repository(repositoryName="thoth/api")
    done = built("images", "push", "api", "--env", "dev")
    assert done.returncode == 1
    assert f"account {built.shared} has no image repository thoth/api" in done.stderr


@pytest.mark.slow
def test_on_another_account_nothing_is_sent(built: Bench, emulator: Emulator) -> None:
    wrong = emulator.variables(account_id="999999999999", region=REGION, role="tfs-shared-services")
    done = built("images", "push", "--env", "dev", **{name: value for name, value in wrong.items() if value})
    assert done.returncode == 4
    assert f"account 999999999999, not {built.shared}" in done.stderr
    assert built.count("login") == built.count("image push") == 0


@pytest.mark.slow
def test_the_role_of_a_pipeline_pushes_from_the_environments_own_account(built: Bench, emulator: Emulator) -> None:
    def keys(role: str) -> dict[str, str]:
        made = emulator.variables(account_id=built.own, region=REGION, role=role)
        return {name: value for name, value in made.items() if value}

    assert built("images", "push", "api", "--env", "dev", **keys("somebody-else")).returncode == 4
    done = built("images", "push", "api", "--env", "dev", **keys("thoth-dev-github-deploy"))
    assert done.returncode == 0, done.stderr
    assert built.commit in built.registry()["api"]


# --- without Docker -----------------------------------------------------------------------------------


def _put(bench: Bench, tag: str, names: list[str] = NAMES) -> dict[str, str]:
    digests = {}
    for name in names:
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"size": 1000, "digest": "sha256:0"},
            "layers": [{"size": 3 << 20, "digest": "sha256:1"}],
            "annotations": {"of": f"{name} {tag}", CRITICAL: "1"},
        }
        answer = bench.aws("ecr", account_id=bench.shared).put_image(
            repositoryName=f"thoth/{name}", imageManifest=json.dumps(manifest), imageTag=tag
        )
        digests[name] = answer["image"]["imageId"]["imageDigest"]
    return digests


def test_the_lock_takes_what_the_registry_has_under_a_tag(bench: Bench) -> None:
    digests = _put(bench, "1.4.0")
    done = bench("images", "lock", "--env", "dev", "--tag", "1.4.0", REAL_DOCKER="/bin/false")
    assert done.returncode == 0, done.stderr
    assert _digests(bench.lock) == digests
    assert bench.calls == []

    _put(bench, "1.5.0", ["api"])
    text = bench.lock.read_text()
    missing = bench("images", "lock", "--env", "dev", "--tag", "1.5.0")
    assert missing.returncode == 1
    assert "has no audio-extraction, transcription, music-terms under the tag 1.5.0" in missing.stderr
    assert bench.lock.read_text() == text


def test_a_protected_environment_is_not_locked_to_what_no_commit_describes(bench: Bench) -> None:
    _put(bench, "0123456789ab-dirty")
    done = bench("images", "lock", "--env", "production", "--tag", "0123456789ab-dirty")
    assert (done.returncode, "production is protected" in done.stderr) == (1, True)
    assert not bench.lock.with_name("production.images.lock").exists()


@pytest.mark.slow
def test_the_list_tells_what_is_there_what_is_locked_and_what_runs(bench: Bench, emulator: Emulator) -> None:
    first, second = _put(bench, "1"), _put(bench, "2", ["api"])
    assert bench("images", "lock", "--env", "dev", "--tag", "1").returncode == 0
    _services(bench, first)
    scan = {"imageId": {"imageDigest": first["api"]}}
    bench.aws("ecr", account_id=bench.shared).start_image_scan(repositoryName="thoth/api", **scan)

    done = bench("--json", "images", "list", "api", "--env", "dev")

    assert done.returncode == 0, done.stderr
    rows = {row["digest"]: row for row in json.loads(done.stdout)}
    assert set(rows) == {first["api"], second["api"]}
    assert (rows[first["api"]]["locked"], rows[second["api"]]["locked"]) == (True, False)
    assert rows[first["api"]]["tags"] == ["1"]
    assert (rows[first["api"]]["findings"], rows[second["api"]]["findings"]) == ({"CRITICAL": 1}, None)
    assert rows[first["api"]]["size"] == (3 << 20) + 1000
    # The operator of the shared account can't see the environment's own: that is said, and the list comes all the same.
    assert "which images run is not known" in done.stderr
    text = bench("images", "list", "--env", "dev").stdout
    assert text.splitlines()[0].split() == ["IMAGE", "TAGS", "DIGEST", "PUSHED", "SIZE", "LOCKED", "RUNS", "FINDINGS"]
    assert "3 MiB" in text
    assert "1 critical" in text

    both = emulator.variables(account_id=bench.own, region=REGION, role="thoth-dev-github-deploy")
    seen = bench("--json", "images", "list", "api", "--env", "dev", **{k: v for k, v in both.items() if v})
    running = {row["digest"]: row["services"] for row in json.loads(seen.stdout)}
    assert running == {first["api"]: ["api", "orchestrator"], second["api"]: []}


def _services(bench: Bench, digests: dict[str, str]) -> None:
    ecs: Any = bench.aws("ecs", account_id=bench.own)
    ecs.create_cluster(clusterName="thoth-dev")
    for name in ("api", "orchestrator"):
        image = f"{bench.shared}.dkr.ecr.{REGION}.amazonaws.com/thoth/api@{digests['api']}"
        ecs.register_task_definition(
            family=name,
            containerDefinitions=[
                {"name": "beside", "image": "other:1", "memory": 1},
                {"name": name, "image": image, "memory": 100},
            ],
        )
        ecs.create_service(cluster="thoth-dev", serviceName=name, taskDefinition=name, desiredCount=0)


@pytest.mark.slow
def test_without_an_account_all_of_it_works_on_the_emulator(built: Bench) -> None:
    alone = {name: "" for name in built.variables if name.startswith("AWS_")}
    done = built("images", "push", "api", "--env", "dev", "--emulate", **alone)
    assert done.returncode == 0, done.stderr
    listed = built("--json", "images", "list", "api", "--env", "dev", "--emulate", **alone)
    assert [(row["tags"], row["locked"]) for row in json.loads(listed.stdout)] == [([built.commit], True)]
