from .base import Attacked as Attacked
from .base import Norm as Norm
from .base import ThreatModel as ThreatModel
from .base import margins as margins
