"""A pure function from an ``Environment`` to the text of every file below ``terraform/<env>/``."""
