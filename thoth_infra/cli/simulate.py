"""``thoth-infra simulate``."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass, replace
from datetime import UTC
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from thoth_infra.cli import foresight, simulate_text
from thoth_infra.cli.context import Project, environment_option, pass_project, set_option
from thoth_infra.cli.views import as_json
from thoth_infra.config import prices
from thoth_infra.config.environment import Environment
from thoth_infra.config.load import names
from thoth_infra.contract.queues import Stage
from thoth_infra.errors import ThothError, did_you_mean
from thoth_infra.simulate import run, traces
from thoth_infra.simulate.defaults import work_of
from thoth_infra.simulate.estate import Estate
from thoth_infra.simulate.rendered import INTERRUPTIONS_PER_HOUR, estate_of
from thoth_infra.simulate.result import Result
from thoth_infra.simulate.traces import Arrivals
from thoth_infra.simulate.workload import MONDAY, Audio, Workload

WEEK_HOURS = 168.0


@dataclass(frozen=True)
class Asked:
    """The command's options that make a workload; the same for every configuration that is compared."""

    trace: Path | None
    jobs_per_hour: float | None
    hours: float | None
    shape: str
    audio_minutes: float
    work: tuple[str, ...]
    interruptions: float
    seed: int


@dataclass(frozen=True)
class Candidate:
    """A configuration to simulate, and what it is called beside others."""

    label: str
    environment: Environment
    estate: Estate
    workload: Workload


@dataclass(frozen=True)
class Run:
    """One simulated configuration."""

    label: str
    result: Result


@click.command()
@environment_option
@click.option("--trace", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE.csv",
              help="Arrivals: at,audio_seconds (a job a line) or hour,jobs.")  # fmt: skip
@click.option("--jobs-per-hour", type=click.FloatRange(0, min_open=True), help="Poisson arrivals, on the mean.")
@click.option("--hours", type=click.FloatRange(1, 5 * 8784), help="How long they go on [default: a week].")
@click.option("--shape", default="flat", show_default=True, metavar="flat|day|week|FILE",
              help="How the arrivals vary over a day or a week, in local time; FILE has hour,weight.")  # fmt: skip
@click.option("--audio-minutes", type=click.FloatRange(0, 1440, min_open=True), default=30.0, show_default=True,
              help="Mean length of a job's audio; not with a trace of jobs, which has its own.")  # fmt: skip
@click.option("--work", multiple=True, metavar="STAGE=SECONDS",
              help="Seconds that a stage works per second of audio, as measured (RealTimeFactor).")  # fmt: skip
@click.option("--interruptions-per-hour", "interruptions", type=click.FloatRange(0, 10), show_default=True,
              default=INTERRUPTIONS_PER_HOUR, help="How often one spot instance or task is taken away.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Of the random numbers.")
@click.option("--check", is_flag=True,
              help="Prove the scaling instead: deadlocks, flapping, time-outs; exit 1 if it fails.")  # fmt: skip
@click.option("--slo-minutes", type=click.FloatRange(0, min_open=True), help="Longest wait that --check lets pass.")
@click.option("--optimize", is_flag=True, help="Propose the cheapest configuration instead, as YAML to paste.")
@click.option("--max-p95", type=click.FloatRange(0, min_open=True), metavar="MINUTES",
              help="Longest wait of 95 in 100 for --optimize [default: the shipped configuration's].")  # fmt: skip
@click.option("--plot", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE.png|svg",
              help="Draw the run, or those that are compared.")  # fmt: skip
@click.option("--theme", type=click.Choice(["light", "dark"]), default="light", show_default=True,
              help="Look of the plot.")  # fmt: skip
@set_option
@click.option("--compare", multiple=True, metavar="ENV|KEY=VALUE",
              help="Simulate this beside it: another environment, or changed keys (several in quotes).")  # fmt: skip
@pass_project
def simulate(
    project: Project,
    environment: str,
    settings: tuple[str, ...],
    compare: tuple[str, ...],
    check: bool,
    slo_minutes: float | None,
    optimize: bool,
    max_p95: float | None,
    plot: Path | None,
    theme: str,
    **options: object,
) -> None:
    """Play a workload through the rendered queues, autoscaling, GPU pools and schedule: waits, GPU hours, cost."""
    asked = Asked(**options)  # type: ignore[arg-type]
    if check:
        _check(project, environment, settings, asked, slo_minutes)
        return
    if optimize:
        _optimize(project, environment, settings, asked, max_p95)
        return
    chosen = [candidate(project, environment, settings, asked, environment)]
    chosen += [_compared(project, environment, settings, asked, words) for words in compare]
    runs = [Run(one.label, simulated(project, one, asked.seed)) for one in chosen]
    text = simulate_text.one(runs[0].result)
    if len(runs) > 1:
        text = simulate_text.several([(one.label, one.result) for one in runs])
    project.emit({"runs": as_json(runs)}, text)
    if plot:
        hours = chosen[0].environment.off_hours
        start = chosen[0].workload.start.astimezone(ZoneInfo(hours.time_zone) if hours else UTC)
        foresight.plot(project, plot, theme, [(one.label, one.result) for one in runs], start)


def _check(project: Project, name: str, settings: tuple[str, ...], asked: Asked, slo_minutes: float | None) -> None:
    loaded = project.load(name, settings)
    env = loaded.environment
    estate = estate_of(env, prices.load(project.root), asked.interruptions)
    given = asked.trace is not None or asked.jobs_per_hour is not None
    _tell_of_compiling(project)
    foresight.check(project, loaded, estate, workload(env, asked) if given else None, slo_minutes)


def _optimize(project: Project, name: str, settings: tuple[str, ...], asked: Asked, max_p95: float | None) -> None:
    loaded = project.load(name, settings)
    _tell_of_compiling(project)
    found = prices.load(project.root)
    foresight.optimize(
        project, loaded, workload(loaded.environment, asked), max_p95, asked.seed, settings,
        lambda env: estate_of(env, found, asked.interruptions),
    )  # fmt: skip


def _compared(project: Project, environment: str, settings: tuple[str, ...], asked: Asked, words: str) -> Candidate:
    """Return what one ``--compare`` asks for: words with ``=`` are keys, one without is an environment."""
    given = shlex.split(words)
    named = [word for word in given if "=" not in word]
    if len(named) > 1 or not given or (named and named[0] not in names(project.root)):
        known = did_you_mean(named[0], names(project.root)) if len(named) == 1 else "give one environment, or KEY=VALUE"
        raise ThothError(f"--compare {words!r} is neither an environment nor KEY=VALUE", known)
    keys = tuple(word for word in given if "=" in word)
    return candidate(project, named[0] if named else environment, (*settings, *keys), asked, words)


def candidate(project: Project, name: str, settings: tuple[str, ...], asked: Asked, label: str) -> Candidate:
    """Load a configuration and lay the workload over it."""
    loaded = project.load(name, settings).environment
    estate = estate_of(loaded, prices.load(project.root), asked.interruptions)
    return Candidate(label, loaded, estate, workload(loaded, asked))


def workload(env: Environment, asked: Asked) -> Workload:
    """Return the workload that was asked for; a trace's hours may be cut short by ``--hours``."""
    if (asked.trace is None) == (asked.jobs_per_hour is None):
        raise click.UsageError("give either --trace FILE.csv or --jobs-per-hour N")
    found = _arrivals(env, asked)
    return Workload(
        arrivals=found.arrivals,
        work=work_of(env, _work(asked.work)),
        hours=found.hours,
        audio=Audio(asked.audio_minutes * 60),
        start=found.start,
    )


def _arrivals(env: Environment, asked: Asked) -> Arrivals:
    zone = ZoneInfo(env.off_hours.time_zone) if env.off_hours else UTC
    if asked.jobs_per_hour is None:
        assert asked.trace  # noqa: S101 - workload() has made sure
        found = traces.read(_text(asked.trace), asked.trace)
        return replace(found, hours=min(found.hours, asked.hours or found.hours))
    start = MONDAY.replace(tzinfo=zone).astimezone(UTC)
    ahead = round((MONDAY - start).total_seconds() / 3600)
    hours = asked.hours or WEEK_HOURS
    if asked.shape in ("flat", "day", "week"):
        cycle = traces.weights(asked.shape)  # type: ignore[arg-type]
    elif Path(asked.shape).is_file():
        cycle = traces.read_weights(_text(Path(asked.shape)), Path(asked.shape))
    else:
        raise click.BadParameter("give flat, day, week, or a file that is there", param_hint="--shape")
    return traces.shaped(asked.jobs_per_hour, hours, cycle, start, ahead)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ThothError(f"{path} can't be read: {error}", "give a CSV file in UTF-8") from error


def _work(given: tuple[str, ...]) -> dict[str, float]:
    found = {}
    for pair in given:
        name, _, text = pair.partition("=")
        if name not in (known := [stage.value for stage in Stage]):
            raise click.BadParameter(f"{name!r}: {did_you_mean(name, known)}", param_hint="--work")
        try:
            found[name] = float(text)
        except ValueError:
            found[name] = -1.0
        if not 0 < found[name] < 1000:
            raise click.BadParameter(f"{text!r} is no number of seconds above 0", param_hint="--work")
    return found


def simulated(project: Project, one: Candidate, seed: int) -> Result:
    """Simulate a configuration, with its progress on a terminal."""
    _tell_of_compiling(project)
    if not sys.stderr.isatty():
        return run(one.estate, one.workload, seed)
    with click.progressbar(length=100, label=f"simulating {one.label}", file=sys.stderr) as bar:
        return run(one.estate, one.workload, seed, lambda share: bar.update(int(share * 100) - bar.pos))


def _tell_of_compiling(project: Project) -> None:
    from thoth_infra.simulate.engine import compiler

    if not compiler.is_compiled():
        project.say("compiling the simulator, once: half a minute …")
