"""The tests, in the order of the rooms. A package, because tf-explain installs another one of this name."""
