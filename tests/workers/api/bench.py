"""Prints how quick the API is beside FastAPI alone, and how a long list compares to a short one: ``make bench-api``.

One server process on one core, the clients on the others; ratios within one run, exit 1 when a bound is missed.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from fractions import Fraction
from pathlib import Path
from statistics import median
from typing import Final

from sqlalchemy import URL, String, case, cast, func, insert, literal, select

from tests.bench.measure import Row, measured
from tests.workers.api import postgres
from workers.api.settings import sqlite_url
from workers.api.store import jobs, keys, migrate
from workers.api.store.engine import Database
from workers.api.store.jobs import NewJob
from workers.api.store.models import Job, JobState
from workers.common.messages import now

TENANT: Final = "conservatory"
CONNECTIONS, SECONDS, ROUNDS = 8, 3.0, 5
MANY, FEW, PAGE, PLACES = 1_000_000, 1_000, 50, 20


def reading(folder: Path) -> Iterator[Row]:
    """Requests a second for one job, beside FastAPI alone that reads the same row."""
    for name, url in _databases(folder):
        key = _fill(url, FEW)
        path = f"/api/jobs/{_id(FEW // 2)}"
        with serving("ours", url) as ours, serving("bare", url) as theirs:
            rates: list[list[float]] = [[], []]
            for _ in range(ROUNDS):
                for port, found in zip((ours, theirs), rates, strict=True):
                    found.append(asyncio.run(_rate(port, path, key)))
        mine, bare = map(median, rates)
        note = f"{name}: {mine:,.0f} / {bare:,.0f} requests a second"
        yield Row("GET /api/jobs/{id} / FastAPI alone with the same row", mine / bare, "×", note=note, least=0.5)


def listing(folder: Path) -> Iterator[Row]:
    """A page of a million jobs beside one of a thousand, at places all over the list."""
    for (name, many), (_, few) in zip(_databases(folder / "many"), _databases(folder / "few"), strict=True):
        keys_of = {url: _fill(url, count) for url, count in ((many, MANY), (few, FEW))}
        with serving("ours", many) as large, serving("ours", few) as small:
            for query, what in (("", "every state"), ("&status=failed", "failed ones only")):
                # All over the list; at the last place there are still enough of every second one.
                places = [Fraction(place, PLACES + 1) for place in range(3, PLACES + 1)]
                large_paths, small_paths = (
                    [_page(int(count * place), query) for place in places] for count in (MANY, FEW)
                )
                seconds: list[list[float]] = [[], []]
                for _ in range(ROUNDS):
                    seconds[0].append(asyncio.run(_pace(large, large_paths, keys_of[many])))
                    seconds[1].append(asyncio.run(_pace(small, small_paths, keys_of[few])))
                long, short = map(median, seconds)
                note = f"{name}, {what}: {long * 1000:.1f} / {short * 1000:.1f} ms a page of {PAGE}"
                yield Row(f"a page of {MANY:,} jobs / of {FEW:,}", long / short, "×", 2.0, note)


@contextmanager
def serving(which: str, url: URL) -> Iterator[int]:
    """Yield the port of a server of its own process."""
    shown = url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "tests.workers.api.bench_server", which, shown]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


def _databases(folder: Path) -> Iterator[tuple[str, URL]]:
    folder.mkdir(exist_ok=True)
    yield "SQLite", sqlite_url(folder / "thoth.sqlite3")
    if postgres.installed():
        with postgres.running() as server:
            yield "Postgres", server.url


def _fill(url: URL, count: int) -> str:
    """Make the tables and so many jobs; return a key."""
    database = Database(url)
    migrate.upgrade(database)
    with database.write() as session:
        first = jobs.create(session, NewJob(tenant=TENANT, name="lesson.mp4", source="source.mp4", id=_id(0)), at=now())
        _, key = keys.create(session, TENANT, ("jobs:read",), at=now())
        session.flush()
        numbers = select(literal(1).label("n")).cte("numbers", recursive=True)
        numbers = numbers.union_all(select(numbers.c.n + 1).where(numbers.c.n < count - 1))
        made = {
            "id": func.substr(literal("0" * 26) + cast(numbers.c.n, String), -26)
            if database.is_sqlite
            else func.right(literal("0" * 26) + cast(numbers.c.n, String), 26),
            "state": case((numbers.c.n % 2 == 0, literal(JobState.FAILED, Job.state.type)), else_=Job.state),
        }
        columns = [column.name for column in Job.__table__.columns]
        rows = (
            select(*(made.get(name, Job.__table__.c[name]) for name in columns))
            .select_from(Job)
            .join(numbers, Job.id == first.id)
        )
        session.execute(insert(Job).from_select(columns, rows))
    with database.engine.connect() as connection:
        connection.exec_driver_sql("ANALYZE")
        connection.commit()
    database.close()
    return key


def _id(number: int) -> str:
    return f"{number:026}"


def _page(below: int, query: str) -> str:
    return f"/api/jobs?limit={PAGE}&cursor={_id(below)}{query}"


async def _rate(port: int, path: str, key: str) -> float:
    """Return how many requests a second are answered while several clients ask without a pause."""
    ends = time.perf_counter() + SECONDS

    async def ask() -> int:
        async with _Connection.opened(port, key) as connection:
            count = 0
            while time.perf_counter() < ends:
                await connection.get(path)
                count += 1
            return count

    return sum(await asyncio.gather(*(ask() for _ in range(CONNECTIONS)))) / SECONDS


async def _pace(port: int, paths: Sequence[str], key: str) -> float:
    """Return the seconds of one answer, asked for one after the other."""
    async with _Connection.opened(port, key) as connection:
        began = time.perf_counter()
        for path in paths:
            body = await connection.get(path)
            assert body.count(b'"id":') == PAGE, f"{path}: {body[:200]!r}"
        return (time.perf_counter() - began) / len(paths)


class _Connection:
    """Asks one thing after the other and understands no more HTTP than the answers have: it must cost little."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, key: str) -> None:
        self._reader, self._writer = reader, writer
        self._headers = f"Host: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n\r\n"

    @classmethod
    @asynccontextmanager
    async def opened(cls, port: int, key: str) -> AsyncIterator[_Connection]:
        """Yield a connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            yield cls(reader, writer, key)
        finally:
            writer.close()
            await writer.wait_closed()

    async def get(self, path: str) -> bytes:
        """Return the body of an answer, which must be a good one."""
        self._writer.write(f"GET {path} HTTP/1.1\r\n{self._headers}".encode())
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        (length,) = (int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"content-length:"))
        body = await self._reader.readexactly(length)
        assert head.startswith(b"http/1.1 200"), body
        return body


MEASUREMENTS: Final = {"reading": reading, "listing": listing}

if __name__ == "__main__":
    sys.exit(measured(MEASUREMENTS, sys.argv[1:]))
