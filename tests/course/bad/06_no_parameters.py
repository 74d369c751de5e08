# %%
dataset = "none"
print(dataset)
