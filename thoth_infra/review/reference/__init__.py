"""The generated reference in ``docs/reference``: what the code says of itself, as Markdown.

The pages on errors, metrics and containers are made here; ``thoth_infra.cli.reference`` adds the command line and
writes all of them.
"""
