"""Scripts that time one fit each, run by the Python of the environment that holds the program they time.

They import nothing of ours (but `ours_fit`) and are started by `strokebench.benchmarks.measuring.peers`.
"""
