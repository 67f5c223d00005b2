"""`python -m strokebench`: the command, where its script is not on the path."""

from strokebench.benchmarks.cli.main import main

if __name__ == "__main__":
    main()
