from house_copy import _copy, house  # noqa: F401
