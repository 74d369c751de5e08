# %% [markdown]
# ## Step 7: the core
#
# ### A part of it
#
# ```python
# # a comment in a text, and no title *
# ```

# %%
core = 1

# %% [markdown] tags=["deeper"]
# ## Step 8: for those who want more *

# %% tags=["deeper"]
extra = core + 1
core_too = 1


def more():
    return extra


# %% [markdown] tags=["deeper"]
# ### A part of the deeper step

# %%
inside = 2

# %% [markdown]
# ## Step 9: the core again, about *more*

# %% tags=["deeper"]
stray = 3

# %%
core_too = 1
print(core, core_too, more())


def later():
    return extra + stray
