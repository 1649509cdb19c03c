"""Deploying new images, and undoing that.

:mod:`record` is what is remembered of a deployment, :mod:`ledger` where, :mod:`machine` what follows upon what. The
steps themselves are each safe to be run twice, because a deployment may end between any of them and be resumed.
"""
