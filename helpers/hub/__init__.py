"""The course in a JupyterHub: a student's server, a hub on one machine, the check before a class, a release.

The settings for Kubernetes, the student image and the configuration that reads these modules lie in ``jupyterhub/``.
"""
