"""Public cohorts: which files, from where, and how they get here."""
