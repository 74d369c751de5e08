# %%
# %matplotlib inline
# cat file
# cat, dog and the other classes
# what?
# Which is it? Both.
x = 1

# %%
# !ls the pictures
if x:
    # cd is not meant
    y = 2

# %%
# %%time
z = """
# ls is a text here
"""
