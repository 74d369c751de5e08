# %% [markdown]
# # Breaks rules
#
# Obviously, this is simply wrong.

# %%
import sys

sys.path.append("..")

# %% tags=["parameters"]
dataset = "none"
budget = "quick"

# %%
# !pip install something

# %%
# %run other.ipynb

# %% tags=["exercise-use"]
scorecard.record("training", "accuracy", 1, 1, 1, 1, "higher")  # noqa: F821

# %% tags=["exercise-build", "tpyo"]
### BEGIN SOLUTION
scorecard.record("training", "accuracy", 0, 0, 0, 1, "higher")  # noqa: F821
### END SOLUTION

# %% tags=["check"]
print("nothing is checked")

# %%
one = 1
two = 2
three = 3
four = 4
five = 5
six = 6
seven = 7
eight = 8
nine = 9
ten = 10
eleven = 11
twelve = 12
thirteen = 13
fourteen = 14
fifteen = 15
sixteen = 16
