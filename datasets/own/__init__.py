"""A user's own cohort: one YAML file beside a table, volumes and texts."""
