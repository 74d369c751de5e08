# %% tags=["parameters"]
dataset = "none"
budget = "quick"
seed = 0

# %%
import time  # noqa: E402

held = b"x" * 300_000_000  # a peak that the runner must see
time.sleep(1)

# %%
# A comment before the line that fails.
nothing = 0
1 / nothing

# %%
print("never reached")
