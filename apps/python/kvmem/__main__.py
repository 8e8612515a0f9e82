"""`python -m kvmem` is the program kvmem."""

import os
import sys


def main() -> None:
    """Becomes the program, with the arguments of this process."""
    program = os.path.join(os.path.dirname(__file__), "bin", "kvmem")
    os.execv(program, ["kvmem", *sys.argv[1:]])


if __name__ == "__main__":
    main()
