"""``python -m thoth_infra`` is the ``thoth-infra`` command."""

from thoth_infra.cli.main import main

main()
