# %%
from helpers import plotting
import pandas as pd

height, width, channels = 32, 32, 3
pictures = np.zeros((5, height, width, channels))
table = pd.DataFrame({"a": [1, 2]})
parts = [1, 2]
model = make_model().fit(parts)
rng = np.random.default_rng(seed)
firsts = (part for part in parts)


# %%
def look(part):
    return plotting.line_plot({part: table["a"]}, title="t")


width = 1.45 * len(parts)

# %%
table = {"a": 1}
print(f"a card that says {height} by {width}")

# %%
for pictures in (1, 2):
    print(pictures)
parts.append(3)
parts[0] = 7
table["a"] += 1
pictures += 1
model.fit(parts)
drawn = rng.normal(), list(firsts)
look(1)

# %%
print(pictures, drawn)


def remember(value):
    parts.insert(0, value)
