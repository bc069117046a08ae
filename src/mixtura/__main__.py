"""`python -m mixtura` is the `mixtura` command."""

from mixtura.cli import main

if __name__ == "__main__":
    main()
