"""The schema's numbered, append-only migrations (Alembic); `mnist_lab.store` runs them."""
