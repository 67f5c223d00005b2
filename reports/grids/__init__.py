"""Figures 2 to 4: hyper-parameters one or two at a time."""
