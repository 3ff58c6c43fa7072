"""The schema's numbered, append-only migrations (Alembic), run by `mnist_lab.store.database`."""
