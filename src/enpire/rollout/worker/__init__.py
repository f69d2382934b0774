"""The policy worker: one fresh, confined process per episode that sees observations and returns actions."""
