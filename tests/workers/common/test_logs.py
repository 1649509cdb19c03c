"""Logs: one JSON object a line, whatever is logged, and each with its own job."""

from __future__ import annotations

import io
import json
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from thoth_infra.contract import metrics as m
from workers.common import logs
from workers.common.metrics import Metrics

_anything = st.text(st.characters(exclude_categories=()))


class Stubborn:
    """What some libraries log."""

    def __str__(self) -> str:
        raise RuntimeError("no words for this")

    __repr__ = __str__


def _endless() -> list[object]:
    found: list[object] = []
    found.append(found)
    return found


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """What has been written since the last look; the root logger is put back afterwards."""
    root, worker = logging.getLogger(), logging.getLogger("workers")
    handlers, level, own_level = root.handlers[:], root.level, worker.level
    written_to = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written_to, encoding="utf-8", write_through=True))
    root.handlers.clear()
    logs.configure("transcription", "INFO")
    monkeypatch.undo()

    def read() -> list[dict[str, Any]]:
        written = written_to.getvalue()
        written_to.seek(0)
        written_to.truncate()
        assert not written or written.endswith(b"\n")
        return [json.loads(line, parse_constant=_refuse) for line in written.split(b"\n")[:-1]]

    yield read
    root.handlers[:] = handlers
    root.setLevel(level)
    worker.setLevel(own_level)


def _refuse(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


log = logging.getLogger("workers.test")

Lines = Callable[[], list[dict[str, Any]]]


def test_a_line_says_when_how_bad_and_where(lines: Lines) -> None:
    log.warning("%d of %s", 3, "chunks", extra={"seconds": 1.5})
    (line,) = lines()
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "WARNING", "service": "transcription", "logger": "workers.test", "message": "3 of chunks",
        "seconds": 1.5,
    }  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(message=_anything, extra=st.dictionaries(_anything.map("x{}".format), _anything | st.floats() | st.none()))
def test_one_object_a_line_whatever_is_said(lines: Lines, message: str, extra: dict[str, Any]) -> None:
    log.info("%s", message, extra=extra)
    (line,) = lines()
    assert line["message"] == message.encode("utf-8", "replace").decode()
    assert {name.encode("utf-8", "replace").decode() for name in extra} <= set(line)


@pytest.mark.parametrize(
    "value",
    [
        Stubborn(),
        [Stubborn()],
        _endless(),
        {("a", "b"): 1},
        {1: 2},
        b"\xff",
        float("nan"),
        [float("inf")],
        10**400,
        {1, 2},
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_json_still_gives_a_line(lines: Lines, value: object) -> None:
    log.info("here", extra={"value": value, "other": 5})
    (line,) = lines()
    assert (line["message"], line["other"]) == ("here", 5)
    assert "value" in line


def test_an_exception_is_part_of_its_line(lines: Lines) -> None:
    try:
        raise ValueError("first\nsecond \udcff")
    except ValueError:
        log.exception("failed")
    (line,) = lines()
    assert line["message"] == "failed"
    assert "Traceback" in line["exception"] and "first\nsecond ?" in line["exception"]


def test_extras_do_not_hide_what_every_line_has(lines: Lines) -> None:
    log.info("here", extra={"time": "x", "level": "x", "service": "x", "logger": "x"})
    (line,) = lines()
    assert (line["level"], line["service"], line["logger"]) == ("INFO", "transcription", "workers.test")
    assert line["time"] != "x"


def test_the_context_is_the_threads_own(lines: Lines) -> None:
    barrier = threading.Barrier(4)

    def work(number: int) -> None:
        with logs.about(job_id=f"job{number}"):
            barrier.wait(60)
            log.info("outer %d", number)
            with logs.about(trace_id="t"):
                log.info("inner %d", number)
            barrier.wait(60)
            log.info("again %d", number)
        log.info("after %d", number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    found = lines()
    assert len(found) == 16
    for line in found:
        where, number = line["message"].split()
        assert line.get("job_id") == (None if where == "after" else f"job{number}")
        assert line.get("trace_id") == ("t" if where == "inner" else None)


def test_libraries_speak_from_warning_on_and_workers_from_their_level_on(lines: Lines) -> None:
    logging.getLogger("botocore").info("chatter")
    logging.getLogger("botocore").warning("trouble")
    log.debug("detail")
    log.info("news")
    assert [line["message"] for line in lines()] == ["trouble", "news"]


def test_log_lines_and_metrics_of_many_threads_do_not_mix() -> None:
    """Both go to the same standard output, here a pipe."""
    read, write = os.pipe()
    with open(read, encoding="utf-8") as source, open(write, "w", encoding="utf-8") as stream:  # noqa: PTH123
        handler = logging.StreamHandler(stream)
        handler.setFormatter(logs.JsonFormatter("s"))
        own = logging.Logger("own")
        own.addHandler(handler)
        metrics = Metrics("Thoth", "test", "s", stream)

        def say(number: int) -> None:
            for _ in range(100):
                own.warning("x" * 500, extra={"number": number})
                metrics.emit({m.STAGE_SECONDS: number}, job_id="y" * 500)

        found: list[dict[str, Any]] = []
        reader = threading.Thread(target=lambda: found.extend(map(json.loads, source)))
        threads = [threading.Thread(target=say, args=(number,)) for number in range(6)]
        for thread in (reader, *threads):
            thread.start()
        for thread in threads:
            thread.join()
        stream.close()
        reader.join()
    assert len(found) == 6 * 100 * 2
