# %% [markdown]
# # A title of a notebook that goes on and on until it is wider than anybody's window, as titles sometimes do
#
# This line of prose is exactly one hundred columns wide, if number sign and blank are counted, too.
# This line of prose is exactly one hundred and one columns wide: its number sign and its blank count
# - This is an item of a list, and an item of a list is prose as well: whoever reads it has the same window
#
# | this is a row of a table | and a row of a table cannot be wrapped | so it may be as wide as the table is |
# |---|---|---|
#
# $$ a = b + c + d + e + f + g + h + i + j + k + l + m + n + o + p + q + r + s + t + u + v + w + x + y + z + 1 $$
#
# $a = b + c + d + e + f + g + h + i + j + k + l + m + n + o + p + q + r + s + t + u + v + w + x + y + z + 1$:
# - https://example.org/an/address/that/goes/on/and/on/and/on/and/on/until/it/is/wider/than/any/window/is
#
# ```python
# print("a line of code in a text is as wide as its author wants it to be, and so it is not counted here")
# ```
