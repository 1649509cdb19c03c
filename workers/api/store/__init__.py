"""The records: SQLite or Postgres behind SQLAlchemy. Functions take a session; who opens it decides the transaction."""
