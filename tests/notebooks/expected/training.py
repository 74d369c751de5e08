"""What notebook 01 claims, how each of its records would be spoilt, and its titles with both outcomes."""

CLAIMS = {}

SPOILT_CLAIMS = []

SPOILT = {}

EXPLAINED = {}

TITLES = {}
