"""Whether a calibration was made when nothing else took the machine's processors; of earlier ones nobody knows."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("calibrations", sa.Column("is_quiet", sa.Boolean, nullable=False, server_default=sa.false()))
