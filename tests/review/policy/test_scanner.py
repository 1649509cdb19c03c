"""checkov over a tree: its real reports, and what we make of those that say nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.render.support import PROJECT
from thoth_infra.errors import EngineError
from thoth_infra.review.policy import skips
from thoth_infra.review.policy.report import verdict
from thoth_infra.review.policy.scanner import UNREAD, CheckovScanner, Scan, arguments, read
from thoth_infra.review.policy.tool import FOLDER, LOCK, Checkov, run_process
from thoth_infra.terraform.launch import Completed

ENTRY = {
    "check_id": "CKV_AWS_1", "check_name": "Ensure", "resource": "aws_lb.this", "file_path": "/10-x.tf",
    "file_line_range": [3, 9],
}  # fmt: skip


def _report(
    *, passed: int = 5, failed: tuple[dict[str, Any], ...] = (), unread: tuple[str, ...] = ()
) -> dict[str, Any]:
    return {
        "results": {"failed_checks": list(failed), "parsing_errors": list(unread)},
        "summary": {"passed": passed, "checkov_version": "3"},
    }


def test_a_failed_check_names_its_resource_and_place() -> None:
    scan = read(_report(failed=(ENTRY,)), "terraform/dev")
    (finding,) = scan.findings
    assert (finding.check, finding.address) == ("CKV_AWS_1", "aws_lb.this")
    assert finding.place == "terraform/dev/10-x.tf:3"
    assert (scan.passed, scan.version) == (5, "3")


@pytest.mark.parametrize(
    "report",
    [_report(passed=0), _report(unread=("/10-x.tf",)), {"passed": 0, "failed": 0, "checkov_version": "3"}, []],
)
def test_a_scan_that_did_not_see_the_tree_fails(report: Any) -> None:
    assert UNREAD in {finding.check for finding in read(report, "terraform/dev").findings}


def test_a_scanner_that_fails_tells_its_last_words(tmp_path: Path) -> None:
    def broken(argv: tuple[str, ...], env: Mapping[str, str]) -> Completed:
        if "venv" in argv:
            (Path(argv[-1]) / "bin").mkdir(parents=True)
        return Completed(2, "", "Traceback\nKeyError: 'x'\n") if "checkov.main" in argv else Completed(0)

    (tmp_path / LOCK).parent.mkdir()
    (tmp_path / LOCK).touch()
    scanner = CheckovScanner(Checkov(tmp_path, print, broken, {}), tmp_path)
    with pytest.raises(EngineError, match=r"exit code 2.*KeyError: 'x'") as raised:
        scanner.scan(tmp_path / "terraform")
    assert str(FOLDER) in str(raised.value.hint)


def test_it_asks_nobody_for_anything() -> None:
    """checkov would otherwise ask its maker's platform for guidelines, and registries for modules."""
    given = arguments(Path("terraform/dev"))
    assert "--skip-download" in given
    assert given[given.index("--download-external-modules") + 1] == "false"
    assert given[given.index("--framework") + 1] == "terraform"


# -- the real one: about ten seconds a tree --

REAL = pytest.mark.xdist_group("policy-scan")


@pytest.fixture(scope="module")
def checkov() -> Checkov:
    return Checkov(PROJECT, print)


@pytest.fixture(scope="module")
def staging(checkov: Checkov) -> Scan:
    return CheckovScanner(checkov, PROJECT).scan(PROJECT / "terraform" / "staging")


@pytest.mark.slow
@REAL
def test_staging_holds_with_its_skips(staging: Scan) -> None:
    found = verdict("staging", staging, None, skips.load(PROJECT, ("dev", "staging", "production", "shared")))
    assert found.failures == ()
    assert found.passed > 500
    assert len(found.judged.skipped_checks) <= skips.LIMIT


@pytest.mark.slow
@REAL
def test_values_come_from_tfvars_and_modules_are_read(staging: Scan) -> None:
    """That the database has no standby stands only in staging.auto.tfvars; the buckets are a module's."""
    found = {(finding.check, finding.address) for finding in staging.findings}
    assert ("CKV_AWS_157", "aws_db_instance.this") in found
    assert ("CKV_AWS_145", 'module.shared_storage.aws_s3_bucket.this["logs"]') in found


# Notes every attempt to reach anything, and refuses it.
NO_NETWORK = """\
import socket
from pathlib import Path

def refuse(*arguments, **options):
    with (Path(__file__).parent / "attempts").open("a") as file:
        print(arguments, file=file)
    raise OSError("no network here")

socket.getaddrinfo = socket.socket.connect = refuse
"""


@pytest.mark.slow
@REAL
def test_what_is_opened_is_found_without_a_network(checkov: Checkov, tmp_path: Path) -> None:
    """The smallest root, with a database that it opens by tfvars and a bucket that a module leaves open."""
    checkov.ensure()  # which may need one
    (tmp_path / "sitecustomize.py").write_text(NO_NETWORK)

    def cut_off(argv: tuple[str, ...], env: Mapping[str, str]) -> Completed:
        return run_process(argv, {**env, "PYTHONPATH": str(tmp_path), "HOME": str(tmp_path)})

    tree = tmp_path / "terraform" / "x"
    (tree / "modules" / "store").mkdir(parents=True)
    (tree / "10-databases.tf").write_text(
        'variable "yes" { type = bool }\nvariable "no" { type = bool }\n'
        'resource "aws_db_instance" "open" {\n  publicly_accessible = var.yes\n}\n'
        'resource "aws_db_instance" "closed" {\n  publicly_accessible = var.no\n}\n'
        'module "store" { source = "./modules/store" }\n'
    )
    (tree / "x.auto.tfvars").write_text("yes = true\nno  = false\n")
    (tree / "modules" / "store" / "main.tf").write_text('resource "aws_s3_bucket" "this" { bucket = "b" }\n')
    scanner = CheckovScanner(Checkov(PROJECT, print, cut_off), tmp_path)
    found = {(f.check, f.address) for f in scanner.scan(tree).findings}
    assert not (tmp_path / "attempts").exists()
    assert ("CKV_AWS_17", "aws_db_instance.open") in found
    assert ("CKV_AWS_17", "aws_db_instance.closed") not in found
    assert ("CKV2_AWS_6", "module.store.aws_s3_bucket.this") in found


def test_the_lock_is_hashed_and_names_no_index() -> None:
    text = (PROJECT / LOCK).read_text()
    pins = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    assert len(pins) > 50
    assert all("==" in pin and pin.rstrip().endswith("\\") for pin in pins)
    assert "index-url" not in text.replace("--no-emit-index-url", "")
