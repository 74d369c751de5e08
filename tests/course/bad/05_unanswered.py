# %%
from helpers.course.exercises import check, expect

# %% tags=["parameters"]
dataset = "none"
budget = "quick"
seed = 0

# %% tags=["exercise-use"]
answer = None

# %% tags=["check"]
check("5.1 four", answer, lambda number: expect(number == 4, "two and two"))
