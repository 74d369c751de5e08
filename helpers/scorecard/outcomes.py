"""What a release decision can be; by itself, for whoever only has to name one."""

GO, NO_GO, CANNOT_DECIDE = "go", "no-go", "cannot decide"

NOT_GO = (NO_GO, CANNOT_DECIDE)
"""What nothing is served on, unless somebody names it."""
