"""The HTTP API: routes, authorisation, uploads, references, problems; the records are the store's."""
