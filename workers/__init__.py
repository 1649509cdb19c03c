"""The containers that the rendered task definitions run; each is started with ``python -m workers.<name>``."""
