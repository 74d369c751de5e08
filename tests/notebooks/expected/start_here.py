"""Notebook 00: it claims and records nothing; its titles with both outcomes."""

CLAIMS = {}

SPOILT_CLAIMS = []

SPOILT = {}

EXPLAINED = {}

TITLES = {}
