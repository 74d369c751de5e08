# %%
# Nothing here is a mistake: every cell can be run again.
from helpers import plotting

picture_names = ["a", "b"]
found = {}
for name in picture_names:
    found[name] = len(name)
found["c"] = 3
total = 0
total += 1

# %%
from helpers import plotting

for name, value in found.items():
    print(name, value)
ordered = sorted(found, key=lambda name: found[name])
value = [name for name in ordered if name]
rng = np.random.default_rng(seed)
draws = rng.normal(size=3)

# %%
ordered_draws = np.sort(draws)
rng = np.random.default_rng(seed)
again = [rng.normal() for name in value]
plotting.line_plot({"a": (ordered_draws, again)}, title="t")


# %%
def halves(pictures):
    total = []
    for name in pictures:
        total.append(name)
    found = {"c": 1}
    found["c"] = total
    return found


if seed:
    best = halves(picture_names)
else:
    best = None
print(best)
