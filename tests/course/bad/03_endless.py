# %%
import subprocess
import sys
from pathlib import Path

# %% tags=["parameters"]
dataset = "none"
budget = "quick"
seed = 0

# %%
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
Path("child.pid").write_text(str(child.pid))

# %%
while True:  # never ends
    pass
