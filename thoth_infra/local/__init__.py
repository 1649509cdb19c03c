"""Thoth on one machine: the services as processes over an emulated AWS, with folders for its volumes."""
