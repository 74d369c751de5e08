# %% [markdown]
# ## Exercises

# %% tags=["exercise-use"]
def largest_share(counts):
    total = sum(counts)
    ### BEGIN SOLUTION
    return max(counts) / sum(counts), total + 0 * len(counts)
    ### END SOLUTION


# %% tags=["check"]
def test_largest_share(answer):
    counts = [1, 2, 3]
    expected = max(counts) / sum(counts), total + 0 * len(counts)
    expect(answer(counts) == expected, "no")


check("1.4 share", largest_share, test_largest_share)

# %% [markdown]
# ## Step 2: titles

# %%
worst = "fog"
draw(title="No score notices every stranger")
draw(title=f"Fog falls by {worst}")
draw(title="The largest of all")
draw(title=f"Largest: {worst}")
draw(title="All of this " + f"costs {worst}")
draw(title=worst_title("never"))
table.style.set_caption("the best in fog")

# %%
scorecard.record("training", "tails", 1, 0, 2, n=3, direction="higher", core=False)

# %% [markdown] tags=["deeper"]
# ## Step 3: deeper *

# %% tags=["deeper"]
scorecard.record("training", "edges", 1, 0, 2, n=3, direction="higher")
scorecard.record("training", "rims", 1, 0, 2, n=3, direction="higher", core=False)
