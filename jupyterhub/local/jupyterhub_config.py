"""JupyterHub on one machine. 'make hub' (vigilant hub) starts it and writes the settings that are read here."""

import os
import shutil
import sys
from pathlib import Path

import yaml
from tornado.web import HTTPError

from helpers.hub import start
from helpers.hub.classlist import ClassAuthenticator
from helpers.hub.local import NETWORK, read_settings
from helpers.hub.ports import free_port

c = get_config()  # noqa: F821 - JupyterHub puts it here
state = Path(os.environ["VIGILANT_HUB_STATE"])
settings = read_settings(state)
root = Path(__file__).resolve().parents[2]

# --- the hub and its proxy, on ports of their own
c.JupyterHub.bind_url = f"http://{settings['address']}:{settings['port']}"
# The gateway of the containers' network need not exist before the first of them does: nothing can listen there alone.
c.JupyterHub.hub_ip = "0.0.0.0" if settings["spawner"] == "docker" else "127.0.0.1"
c.JupyterHub.hub_connect_ip = "127.0.0.1"
c.JupyterHub.hub_port = settings["hub_port"]
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{settings['proxy_api_port']}"
c.ConfigurableHTTPProxy.command = settings["proxy"]
c.ConfigurableHTTPProxy.pid_file = str(state / "proxy.pid")
c.JupyterHub.db_url = f"sqlite:///{state}/hub.sqlite"
c.JupyterHub.cookie_secret_file = str(state / "cookie_secret")

# --- who may come in: the class list; the instructor helps the students, and nobody is an administrator
c.JupyterHub.authenticator_class = ClassAuthenticator
c.ClassAuthenticator.class_list = str(state / "class.csv")
c.ClassAuthenticator.manage_groups = True
c.ClassAuthenticator.allow_all = True  # whoever is in the list
c.JupyterHub.admin_access = False
values = yaml.safe_load((root / "jupyterhub" / "values.yaml").read_text())
c.JupyterHub.load_roles = [{"name": name, **role} for name, role in values["hub"]["loadRoles"].items()]

# --- servers that nobody uses end, as on Kubernetes
cull = values["cull"]
limits = [f"--timeout={cull['timeout']}", f"--max-age={cull['maxAge']}"]
command = [sys.executable, "-m", "jupyterhub_idle_culler", *limits]
c.JupyterHub.services = [{"name": "cull", "command": command}]
scopes = ["list:users", "read:users:activity", "read:servers", "delete:servers"]
c.JupyterHub.load_roles.append({"name": "cull", "scopes": scopes, "services": ["cull"]})

# --- a student's server
c.Spawner.default_url = values["singleuser"]["defaultUrl"]
c.Spawner.start_timeout = c.Spawner.http_timeout = 180  # thirty at once share two cores
c.Spawner.disable_user_config = True
if settings["spawner"] == "docker":
    c.JupyterHub.spawner_class = "docker"
    c.DockerSpawner.image = settings["image"]
    c.DockerSpawner.cmd = ["jupyterhub-singleuser"]
    c.DockerSpawner.network_name = NETWORK
    c.DockerSpawner.hub_connect_url = f"http://{settings['gateway']}:{settings['hub_port']}"
    c.DockerSpawner.use_internal_ip = True
    c.DockerSpawner.remove = True
    c.DockerSpawner.volumes = {"vigilant-home-{username}": "/home/jovyan"}
    limits = values["hub"]["config"]["KubeSpawner"]["profile_list"][0]["kubespawner_override"]
    c.DockerSpawner.mem_limit = limits["mem_limit"]
    c.DockerSpawner.extra_host_config = {
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "pids_limit": 1024,
    }
else:
    c.JupyterHub.spawner_class = "simple"
    c.SimpleLocalProcessSpawner.home_dir_template = str(state / "homes" / "{username}")
    c.Spawner.cmd = [sys.executable, "-m", start.__name__, sys.executable, "-m", "jupyterhub.singleuser"]
    # Servers share this machine's ports. A kernel wants five that are free when its server looks, and thirty at once
    # took each other's. Sockets that are files cannot be taken, and no other account can open them.
    c.Spawner.args = ["--KernelManager.transport=ipc", *(["--allow-root"] if os.geteuid() == 0 else [])]
    c.Spawner.environment = {
        "VIGILANT_CONTENT": str(state / "course.git"),
        "VIGILANT_CACHE": settings["cache"],
        "JUPYTER_RUNTIME_DIR": lambda spawner: str(sockets(spawner)),
        "VIGILANT_SCRATCH": lambda spawner: str(state / "scratch" / spawner.user.name),
    }

    def sockets(spawner):
        """Say where a server's runtime files are; a user's name may be too long for the path of a socket."""
        return Path(settings["sockets"]) / str(spawner.user.id)

    # JupyterHub would take a port that is free now; until the server listens there, seconds later, another may.
    promised = {}

    def before(spawner):
        """Refuse a home that cannot be written, in words that the student sees; promise the server a port."""
        home = Path(spawner.home_dir)
        try:
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
            start.check_home(home)
            shutil.rmtree(sockets(spawner), ignore_errors=True)
            promised.pop(spawner.user.name, None)
            spawner.port = promised[spawner.user.name] = free_port(besides=promised.values())
        except OSError as error:
            said = HTTPError(500, "%s", f"your server cannot start: {error}")
            said.jupyterhub_message = f"Your server cannot start: {error}"
            raise said from error

    c.Spawner.pre_spawn_hook = before
