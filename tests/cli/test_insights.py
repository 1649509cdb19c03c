"""``thoth-infra insights``: the queries as they are rendered, over lines as the workers write them."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from tests.cli.site import PREFIX, Site, account, aws, emulator, site
from tests.snapshots import same
from tests.workers.common.rig import Rig, Scribe, until
from thoth_infra.aws import insights
from thoth_infra.aws.clients import Clients
from thoth_infra.contract.services import SERVICES
from thoth_infra.errors import ThothError
from workers.api.http.audit import Access, Trail
from workers.common.errors import PoisonError
from workers.common.logs import JsonFormatter
from workers.common.messages import now
from workers.common.ports import Job

__all__ = ["account", "aws", "emulator", "site"]

RENDERED = Path(__file__).resolve().parents[2] / "terraform" / "staging" / "53-log-queries.tf"
_QUERY = re.compile(r'    ([a-z-]+) = \{\n      groups = (.*)\n      query  = "(.*)"\n')
WAF = f"aws-waf-logs-{PREFIX}"


def rendered() -> dict[str, tuple[list[str], str]]:
    """The queries that Terraform saves: log groups and text."""
    found = {}
    for name, groups, text in _QUERY.findall(RENDERED.read_text()):
        services = re.findall(r'log_group_names\["(.+?)"\]', groups) or [service.name for service in SERVICES]
        found[name] = ([WAF] if "waf" in groups else [f"/thoth/staging/{service}" for service in services], text)
    return found


@pytest.fixture
def saved(site: Site) -> Site:
    """What an apply leaves: the groups, and the queries."""
    logs = site.aws("logs")
    for group in (*(f"/thoth/staging/{service.name}" for service in SERVICES), WAF):
        logs.create_log_group(logGroupName=group)
    for name, (groups, text) in rendered().items():
        logs.put_query_definition(name=f"{PREFIX}/{name}", queryString=text, logGroupNames=groups)
    logs.put_query_definition(name="thoth-production/errors", queryString="fields @message", logGroupNames=[WAF])
    return site


def written(service: str, doing: Callable[[], object]) -> list[str]:
    """Return the lines that the workers' code writes meanwhile."""
    lines: list[str] = []
    formatter, logger = JsonFormatter(service), logging.getLogger("workers")

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(formatter.format(record))

    handler, level = Kept(), logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        doing()
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    return lines


@pytest.fixture
def lived(saved: Site, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Site:
    """Two lessons and what is not one, some requests, and somebody at the firewall."""
    rig = Rig(tmp_path / "jobs", caplog)

    def fails(job: Job) -> None:
        if job.request.job_id == "silent":
            raise PoisonError("bad_sound", "there is none", "send some")

    def work() -> None:
        with rig.working(Scribe(preparing=fails)):
            rig.send("lesson-1", "silent", "lesson-2")
            until(rig.empty)

    def ask() -> None:
        trail = Trail(cast(Any, None))
        for key, status in (("k1", 200), ("k1", 200), ("k2", 404)):
            trail.note(Access("GET /api/jobs/{job_id}", now(), "t", key, None, status, "192.0.2.1"))

    begin = int(time.time() * 1000) - 60_000
    block = {"action": "BLOCK", "terminatingRuleId": "sqli", "httpRequest": {"clientIp": "192.0.2.7"}}
    for group, lines in {
        "/thoth/staging/transcription": written("transcription", work),
        "/thoth/staging/api": written("api", ask),
        WAF: [json.dumps(one) for one in (block, block, {**block, "action": "ALLOW"})],
    }.items():
        saved.log(group, "one", *((begin + n, line) for n, line in enumerate(lines)))
    return saved


def rows(site: Site, *arguments: str) -> list[dict[str, str]]:
    ran = site.run("--json", "insights", *arguments)
    assert ran.code == 0, ran.err
    return cast(list[dict[str, str]], ran.json)


def test_every_rendered_query_is_tested_here() -> None:
    assert set(rendered()) == {
        "errors", "failed-jobs", "slowest-jobs", "job-trail", "api-audit", "firewall-blocks",
    }  # fmt: skip


def test_the_rendered_queries_find_what_workers_write(lived: Site) -> None:
    (error,) = rows(lived, "errors")
    assert (error["service"], error["job_id"], error["message"]) == ("transcription", "silent", "failed for good")
    assert rows(lived, "failed-jobs") == [{"service": "transcription", "code": "bad_sound", "failures": "1"}]
    slowest = rows(lived, "slowest-jobs")
    assert {row["job_id"] for row in slowest} == {"lesson-1", "lesson-2"}
    for row in slowest:
        assert float(row["real_time_factor"]) == pytest.approx(float(row["seconds"]) / 60, abs=1e-3)
    trail = rows(lived, "job-trail", "--job", "silent")
    assert [row["message"] for row in trail] == ["begun", "failed for good"]
    assert trail[-1]["event"] == "stage_failed"
    assert rows(lived, "api-audit") == [
        {"key_id": "k1", "action": "GET /api/jobs/{job_id}", "status": "200", "requests": "2"},
        {"key_id": "k2", "action": "GET /api/jobs/{job_id}", "status": "404", "requests": "1"},
    ]
    assert rows(lived, "firewall-blocks") == [
        {"terminatingRuleId": "sqli", "httpRequest.clientIp": "192.0.2.7", "requests": "2"}
    ]


def test_results_are_a_table(lived: Site) -> None:
    same("insights.txt", lived.run("insights", "api-audit").out)
    same("insights.json", lived.run("--json", "insights", "api-audit").out)
    assert lived.run("insights", "errors", "--since", "30s").out == "nothing in the last 30s\n"


def test_without_a_name_the_environments_own_are_listed(saved: Site) -> None:
    same("insights-list.txt", saved.run("insights").out)
    same("insights-list.json", saved.run("--json", "insights").out)


def test_a_name_that_is_nearly_right_is_answered_with_the_right_one(saved: Site) -> None:
    wrong = saved.run("insights", "slow-jobs")
    assert (wrong.code, wrong.out) == (1, "")
    assert "there is no query 'slow-jobs'" in wrong.err
    assert "did you mean 'slowest-jobs'?" in wrong.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("job-trail",), "job-trail is about one job"),
        (("errors", "--job", "lesson"), "errors is not about one job"),
        (("job-trail", "--job", "x' or 'a' = 'a"), "is not the id of a job"),
    ],
)
def test_a_query_about_a_job_wants_its_id(saved: Site, arguments: tuple[str, ...], said: str) -> None:
    ran = saved.run("insights", *arguments)
    assert (ran.code, ran.out) == (1, "")
    assert said in ran.err


def test_before_an_apply_it_says_what_to_do(site: Site) -> None:
    assert "apply" in site.run("insights").out
    ran = site.run("insights", "errors")
    assert (ran.code, "apply the environment first" in ran.err) == (1, True)


def test_who_interrupts_a_query_stops_it(saved: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_seconds: float) -> None:
        raise KeyboardInterrupt

    clients = Clients({}, "us-east-1")
    logs = saved.aws("logs")
    monkeypatch.setattr(Clients, "__call__", lambda _self, name: saved.aws(name))
    (query,) = [one for one in insights.saved(clients, PREFIX) if one.name == "errors"]
    with pytest.raises(KeyboardInterrupt):
        insights.run(clients, query, 3600, wait=interrupted)
    (known,) = logs.describe_queries(logGroupName="/thoth/staging/api")["queries"]
    assert known["status"] == "Cancelled"


def test_a_query_that_somebody_else_stops_is_no_result(saved: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    logs = saved.aws("logs")
    monkeypatch.setattr(Clients, "__call__", lambda _self, _name: logs)
    (query,) = [one for one in insights.saved(Clients({}, ""), PREFIX) if one.name == "errors"]

    def stopped(_seconds: float) -> None:
        (running,) = logs.describe_queries(logGroupName="/thoth/staging/api")["queries"]
        logs.stop_query(queryId=running["queryId"])

    with pytest.raises(ThothError, match="ended errors as cancelled"):
        insights.run(Clients({}, ""), query, 3600, wait=stopped)
