# %%
import os
import signal

# %% tags=["parameters"]
dataset = "none"
budget = "quick"
seed = 0

# %%
os.kill(os.getpid(), signal.SIGKILL)
