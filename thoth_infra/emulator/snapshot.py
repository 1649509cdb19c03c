"""The whole emulated AWS in one file, so that what one command applied the next one finds.

Two ways were measured on the 184-resource configuration (2 shared cores):

* *Recording every mutating request and sending them again at start*: 241 requests, 11 s of moto's own time, and never
  the same world. Ids, suffixes of ARNs, certificates, times and S3 version ids are drawn anew, and the Terraform state
  names them; each source of randomness would have to be seeded per request, in the order in which ten parallel
  requests happened to arrive.
* *Pickling moto's backends* (this module): 0.1 s to save, 0.5 s to load, and exact. moto's models are plain Python
  objects; few things need a reducer (``pickling.py``). The whole graph goes into one pickle, because services refer to
  each other: a load balancer holds its EC2 backend.

The price is that the file is bound to the code that wrote it: a snapshot names the versions of moto and Python and
the digest of the patches, and another's is refused. A pickle can run code when it is loaded, so the file is
owner-only and one that others may write is refused too.
"""

from __future__ import annotations

import json
import os
import pickle
import stat
import sys
import tempfile
import weakref
from collections import defaultdict
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

from thoth_infra.emulator.pickling import at_place, dumps, place_of
from thoth_infra.errors import EngineError

NAME = "emulator.snapshot"
_MAGIC = "thoth-emulator-snapshot"
_REPORT = "apply it without that resource, or keep the emulator running (`local up`) instead of its state"


def fingerprint() -> dict[str, str]:
    """What a snapshot depends on; equal fingerprints can read each other's snapshots. Imports no moto."""
    digest = sha256()
    here = Path(__file__).parent
    for module in [
        here / "pickling.py",
        *sorted((here / "patches").glob("*.py")),
        *sorted((here / "ecs").glob("*.py")),
    ]:
        digest.update(module.name.encode() + b"\0" + module.read_bytes() + b"\0")
    return {
        "format": _MAGIC,
        "moto": version("moto"),
        "python": ".".join(map(str, sys.version_info[:2])),
        "patches": digest.hexdigest()[:16],
    }


def check(state: Path) -> bool:
    """Whether ``state`` holds a snapshot that this version can load.

    Raises ``EngineError`` when there is one that it can't, or that others than its owner could have written.
    """
    path = state / NAME
    if not path.exists():
        return False
    hint = f"delete {path} to start from an empty AWS, with the Terraform state that it holds"
    owner = path.stat()
    if owner.st_uid != os.getuid() or owner.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise EngineError(f"the emulator's snapshot {path} may have been written by someone else", hint)
    with path.open("rb") as file:
        found = _header(file.readline())
    differs = [f"{key} {found.get(key)}, now {now}" for key, now in fingerprint().items() if found.get(key) != now]
    if differs:
        raise EngineError(f"the emulator's snapshot is of another version ({'; '.join(differs)})", hint)
    return True


def save(state_folder: Path) -> None:
    """Write every backend of every account and region. No request may be running.

    Raises ``EngineError`` that names the service whose models can't be written.
    """
    from moto.s3.models import s3_backends

    backends = [
        (place_of(of_service), account, region, backend)
        for of_service in _backend_dicts()
        for account, of_account in of_service.items()
        for region, backend in of_account.items()
    ]
    state = (backends, s3_backends.bucket_accounts)
    try:
        content = dumps(state)
    except Exception as error:  # whatever a model's own code raises while it is taken apart
        raise EngineError(f"the emulator can't save {_unsaveable(backends)}: {error}", _REPORT) from error
    _write_atomically(state_folder / NAME, json.dumps(fingerprint()).encode() + b"\n" + content)


def load(state: Path) -> None:
    """Put back what :func:`save` wrote. The caller has run :func:`check`, and no request has been served."""
    from moto.s3.models import s3_backends

    with (state / NAME).open("rb") as file:
        file.readline()
        backends, bucket_accounts = pickle.load(file)  # noqa: S301 - check() has seen that it is ours
    for place, account, region, backend in backends:
        at_place(place)[account][region] = backend
        _register(backend)
    s3_backends.bucket_accounts.update(bucket_accounts)


def _unsaveable(backends: list[tuple[tuple[str, str], str, str, Any]]) -> str:
    for (_, name), account, region, backend in backends:
        try:
            dumps(backend)
        except Exception:
            return f"{name.removesuffix('_backends')} of account {account} in {region}"
    return "its state"


def _header(line: bytes) -> dict[str, Any]:
    try:
        header = json.loads(line)
    except ValueError:
        return {}
    return header if isinstance(header, dict) else {}


def _write_atomically(path: Path, data: bytes) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name + ".")  # created with 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _backend_dicts() -> list[Any]:
    from moto.core.base_backend import BackendDict

    return list(BackendDict._instances)


def _register(backend: Any) -> None:
    """Backends that look for each other (EC2, to peer networks) keep weak references on their class."""
    for of_class in type(backend).__mro__:
        for name, references in vars(of_class).items():
            if name.endswith("_refs") and isinstance(references, defaultdict):
                references[type(backend)].add(weakref.ref(backend))
