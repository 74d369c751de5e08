"""The objects of ``deploy/`` tried end to end on a real cluster: ``make cluster-check``."""
