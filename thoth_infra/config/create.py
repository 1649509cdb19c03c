"""Writes a new environment's file after another one's, comments and all."""

from __future__ import annotations

import ipaddress
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from thoth_infra.config import yaml_source
from thoth_infra.config.environment import Environment
from thoth_infra.config.load import DEFAULTS, FOLDER, Loaded, load, lock_file, names
from thoth_infra.config.values import EnvironmentName
from thoth_infra.config.yaml_source import Document, KeyPath
from thoth_infra.errors import ThothError, did_you_mean
from thoth_infra.files import write_atomic


def create(root: Path, name: str, source: str) -> tuple[Path, Loaded]:
    """Write ``environments/<name>.yaml`` after the environment ``source``; return it and what it loads as.

    Name, state key, role patterns, domain and network become the new environment's own; the images of a registry that
    both share stay the same. Raises ThothError
    for a name that is taken or invalid, and ConfigInvalid if a source is, or the result would be; nothing
    is written then.
    """
    known = names(root)
    file = root / FOLDER / f"{name}.yaml"
    _check_name(name)
    if file.exists():
        raise ThothError(f"there is an environment {name!r} already ({FOLDER}/{name}.yaml)", "choose another name")
    if source not in known:
        raise ThothError(f"there is no environment {source!r}", did_you_mean(source, known))
    others = [load(root, other, personal=False).environment for other in known]
    text = (root / FOLDER / f"{source}.yaml").read_text(encoding="utf-8-sig")
    document = yaml_source.parse(text.encode(), Path(FOLDER, f"{source}.yaml"))
    model = others[known.index(source)]
    result = rewrite(text, document, dict(_own(name, model, document, others)))
    lock = _lock(root, model)
    loaded = _try(root, name, result, lock)
    if lock:
        write_atomic(lock_file(root, name), lock)
    write_atomic(file, result)
    return file, loaded


def _check_name(name: str) -> None:
    form = EnvironmentName.__metadata__[0]  # type: ignore[attr-defined]
    try:
        form.check(name)
    except ValueError:
        raise ThothError(f"{name!r} is not {form.what}", f"write it like {form.example}") from None


def _own(
    name: str, source: Environment, document: Document, others: Iterable[Environment]
) -> Iterator[tuple[KeyPath, str]]:
    """Yield each key that the new environment can't share with its source, and its value."""
    given = set(document.spans)
    old_prefix, new_prefix = source.prefix, f"{source.project}-{name}"
    changes: dict[KeyPath, str] = {
        ("name",): name,
        ("state", "key"): "/".join(name if part == source.name else part for part in source.state.key.split("/")),
    }
    for index, pattern in enumerate(source.identity.role_patterns):
        changes["identity", "role_patterns", str(index)] = pattern.replace(old_prefix, new_prefix)
    if source.domain:
        changes["domain", "name"] = f"{new_prefix}.{source.domain.zone}"
    changes.update(_network(source, others))
    yield from ((path, value) for path, value in changes.items() if path in given)


def _network(source: Environment, others: Iterable[Environment]) -> Iterator[tuple[KeyPath, str]]:
    """Yield the source's networks, each moved by as much as the VPC is moved to a free one."""
    if source.network.vpc_id:
        return  # an existing VPC is where it is
    old = ipaddress.IPv4Network(source.network.cidr)
    start = free_network(taken(others)).network_address
    moved = int(start) - int(old.network_address)

    def move(cidr: str) -> str:
        network = ipaddress.IPv4Network(cidr)
        return f"{network.network_address + moved}/{network.prefixlen}"

    yield ("network", "cidr"), move(source.network.cidr)
    for tier, cidrs in source.network.subnets.tiers().items():
        for index, cidr in enumerate(cidrs):
            yield ("network", "subnets", tier, str(index)), move(cidr)


def taken(environments: Iterable[Environment]) -> Iterator[ipaddress.IPv4Network]:
    """Yield the networks of all VPCs, peers included."""
    for environment in environments:
        yield ipaddress.IPv4Network(environment.network.cidr)
        if environment.network.peering:
            yield ipaddress.IPv4Network(environment.network.peering.cidr)


def free_network(used: Iterable[ipaddress.IPv4Network]) -> ipaddress.IPv4Network:
    """Return the first free /16 of 10.0.0.0/8, round numbers first, as people choose them."""
    networks = tuple(used)
    for second in sorted(range(256), key=lambda n: (n % 10 != 0 or n == 0, n)):
        candidate = ipaddress.IPv4Network(f"10.{second}.0.0/16")
        if not any(candidate.overlaps(network) for network in networks):
            return candidate
    raise ThothError("no /16 network of 10.0.0.0/8 is free", "copy the file by hand, and give it a network")


def rewrite(text: str, document: Document, values: Mapping[KeyPath, str]) -> str:
    """Return ``text`` with the scalars at the given key paths replaced, each in the quotes that it had."""
    lines = text.split("\n")
    for path in sorted(values, key=lambda p: (document.spans[p].line, document.spans[p].start), reverse=True):
        span = document.spans[path]
        line = lines[span.line - 1]
        quote = line[span.start] if line[span.start] in "\"'" else ""
        end = span.end if span.end_line == span.line else len(line)
        lines[span.line - 1] = f"{line[: span.start]}{quote}{values[path]}{quote}{line[end:]}"
    return "\n".join(lines)


def _lock(root: Path, source: Environment) -> bytes | None:
    """Return the source's lock of images if its registry is the new environment's too; else those are to be pushed."""
    file = lock_file(root, source.name)
    return file.read_bytes() if source.images.registry == "shared" and file.is_file() else None


def _try(root: Path, name: str, text: str, lock: bytes | None) -> Loaded:
    """Load ``text`` as the new environment before it is written."""
    with tempfile.TemporaryDirectory() as folder:
        trial = Path(folder, FOLDER)
        trial.mkdir()
        shutil.copy(root / FOLDER / DEFAULTS, trial)
        (trial / f"{name}.yaml").write_text(text, encoding="utf-8")
        if lock:
            lock_file(Path(folder), name).write_bytes(lock)
        return load(Path(folder), name, personal=False)
