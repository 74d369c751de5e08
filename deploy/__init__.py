"""The service outside a notebook: its image, and the objects that Kubernetes is given. ``python -m deploy --help``."""
