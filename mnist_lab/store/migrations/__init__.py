"""The schema's numbered, append-only migrations (Alembic); `mnist_lab.store.store` runs them."""
