"""The objects of ``deploy/`` tried end to end on a real cluster: ``make cluster-check``, or ``python -m deploy.check --help``."""
