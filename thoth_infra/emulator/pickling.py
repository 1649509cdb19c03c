"""Pickling moto's backends: reducers for what pickle can't write by itself, or writes wrongly.

Those are locks, keys and certificates, functions inside of functions, subclasses of dict that show less than they
hold, weak references, and the global dictionaries of backends, which the reader has of its own.
"""

from __future__ import annotations

import importlib
import pickle
import sys
import threading
import types
import weakref
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from io import BytesIO
from marshal import dumps as code_bytes
from marshal import loads as code_from
from typing import Any


def dumps(value: object) -> bytes:
    """Write moto's models; ``pickle.loads`` reads them."""
    buffer = BytesIO()
    _Pickler(buffer, protocol=5).dump(value)
    return buffer.getvalue()


def place_of(backends: Any) -> tuple[str, str]:
    """The module and the name of the global that holds a service's backends."""
    parts = backends.backend.__module__.split(".")
    for length in range(len(parts), 1, -1):
        module = sys.modules[".".join(parts[:length])]
        for name, value in vars(module).items():
            if value is backends:
                return module.__name__, name
    raise pickle.PicklingError(f"moto keeps the backends of {backends.service_name} in no global")


def at_place(place: tuple[str, str]) -> Any:
    module, name = place
    return getattr(importlib.import_module(module), name)


def _private_key(der: bytes) -> Any:
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    return load_der_private_key(der, password=None)


def _certificate(der: bytes) -> Any:
    from cryptography.x509 import load_der_x509_certificate

    return load_der_x509_certificate(der)


def _function(code: bytes, module: str, defaults: Any, cells: tuple[Any, ...]) -> types.FunctionType:
    scope = vars(importlib.import_module(module))
    closure = tuple(types.CellType(value) for value in cells)
    return types.FunctionType(code_from(code), scope, argdefs=defaults, closure=closure)  # noqa: S302


def _reduce_function(function: types.FunctionType) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    cells = tuple(cell.cell_contents for cell in function.__closure__ or ())
    code = code_bytes(function.__code__)
    return _function, (code, function.__module__, function.__defaults__, cells)


_DICTIONARIES: tuple[type[dict[Any, Any]], ...] = (OrderedDict, defaultdict, dict)


def _empty(of_class: type[dict[Any, Any]], factory: Any) -> dict[Any, Any]:
    made = of_class.__new__(of_class)
    if isinstance(made, defaultdict):
        defaultdict.__init__(made, factory)
    return made


def _fill(made: dict[Any, Any], state: tuple[list[tuple[Any, Any]], dict[str, Any]]) -> None:
    items, attributes = state
    base = next(base for base in _DICTIONARIES if isinstance(made, base))
    for key, value in items:
        base.__setitem__(made, key, value)
    vars(made).update(attributes)


def _reduce_dictionary(value: dict[Any, Any]) -> Any:
    """What is really in a subclass of dict, which may show less: S3's shows only the latest version of a key."""
    base = next(base for base in _DICTIONARIES if isinstance(value, base))
    state = (list(base.items(value)), vars(value))
    return _empty, (type(value), getattr(value, "default_factory", None)), state, None, None, _fill


def _is_plain_subclass(value: Any) -> bool:
    """Whether a value is of a subclass of dict that leaves it to pickle how it is written."""
    own = (of_class for of_class in type(value).__mro__ if of_class not in (*_DICTIONARIES, object))
    ways = {"__reduce__", "__reduce_ex__", "__getstate__", "__setstate__"}
    return isinstance(value, dict) and type(value) not in _DICTIONARIES and not any(ways & vars(c).keys() for c in own)


def _reduce_cryptography(value: Any) -> Any:
    """Keys and certificates live in a library of their own; they travel in their standard encoding."""
    from cryptography.hazmat.primitives import serialization as to
    from cryptography.x509 import Certificate

    if isinstance(value, Certificate):
        return _certificate, (value.public_bytes(to.Encoding.DER),)
    if hasattr(value, "private_bytes"):
        return _private_key, (value.private_bytes(to.Encoding.DER, to.PrivateFormat.PKCS8, to.NoEncryption()),)
    return NotImplemented


_LOCKS: dict[type, Callable[[], Any]] = {type(make()): make for make in (threading.Lock, threading.RLock)}


class _Pickler(pickle.Pickler):
    def reducer_override(self, value: Any) -> Any:
        from moto.core.base_backend import BackendDict

        if type(value) in _LOCKS:
            return _LOCKS[type(value)], ()
        if isinstance(value, types.FunctionType) and "<locals>" in value.__qualname__:
            return _reduce_function(value)
        if isinstance(value, BackendDict):  # a model that refers to all of a service: the reader's own takes its place
            return at_place, (place_of(value),)
        if _is_plain_subclass(value):
            return _reduce_dictionary(value)
        if isinstance(value, weakref.WeakValueDictionary):
            return weakref.WeakValueDictionary, (dict(value),)
        if type(value).__module__.startswith("cryptography."):
            return _reduce_cryptography(value)
        return NotImplemented
