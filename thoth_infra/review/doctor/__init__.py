"""Looks at everything that a command will need, before it fails in the middle: machine, credentials, account, estate.

Each module registers its checks (:mod:`.registry`); :mod:`.run` carries them out. They only look.
"""
