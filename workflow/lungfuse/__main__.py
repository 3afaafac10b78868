"""Run a stage of the workflow by hand: python -m lungfuse <stage> --help."""

import socket
import sys

from lungfuse import prefork


def main() -> None:
    """Run the stage or command that the command line names, in the process of a server where there is one."""
    if sys.argv[1:2] == [prefork.SERVE]:
        prefork.serve(socket.socket(fileno=int(sys.argv[2])))  # returns in the process of each job
    else:
        prefork.delegate()  # returns where this process is to run the stage

    from lungfuse import command_line

    command_line.main()


if __name__ == "__main__":
    main()
