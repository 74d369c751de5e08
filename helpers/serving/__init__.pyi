from .app import LEVEL as LEVEL
from .app import create_app as create_app
from .engine_protocol import Answers as Answers
from .engine_protocol import Engine as Engine
from .intake_limits import Limits as Limits
from .metrics import Metrics as Metrics
from .problems import Problem as Problem
from .runner import Runner as Runner
