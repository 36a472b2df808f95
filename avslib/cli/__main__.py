"""`python -m avslib.cli`, which is what a launcher of several processes starts."""

from avslib.cli.main import main

if __name__ == "__main__":
    main()
