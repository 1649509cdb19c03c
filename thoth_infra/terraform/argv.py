"""Arguments for Terraform from options: the only module that knows python-terraform.

Only its ``generate_cmd_string`` is used, which despite the name returns a list. Its own ``cmd``,
``plan``, ``apply`` and ``destroy`` are not: they run without our signal handling and streaming, add
options that Terraform has dropped (``-force``), and leak ``synchronous`` into the arguments.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Final

from python_terraform import IsFlagged, Terraform

#: ``True``: a bare flag (``-json``). ``False`` and ``None``: the option is left out. A string, or each
#: string of a sequence: ``-name=value``. Options that Terraform wants spelt ``=false`` are strings.
Option = bool | str | Sequence[str] | None

# The constructor loads a state file that it finds in its working folder; there is none below this.
_NOWHERE: Final = os.devnull


def arguments(command: str, options: Mapping[str, Option], operands: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the arguments that follow the Terraform executable, each value in one piece.

    ``command`` is one of Terraform's own words (``plan``, ``force-unlock``, or several: ``state list``);
    option names may use ``_`` for ``-``.
    """
    builder = Terraform(working_dir=_NOWHERE)
    known = {name: _value(value) for name, value in options.items()}
    argv: list[str] = builder.generate_cmd_string(command, *operands, **known)
    return tuple(argv[1:])


def _value(option: Option) -> object:
    if option is None or option is False:
        return None
    if option is True:
        return IsFlagged
    # The library repeats an option for a list, and for nothing else that iterates.
    return option if isinstance(option, str) else list(option)
