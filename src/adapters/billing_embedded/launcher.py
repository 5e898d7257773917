"""Becomes a server: gives up root, asks to be stopped when the parent dies, and executes the command.

Run as a script by `billing_embedded.processes`, in a process of its own, so that nothing has to happen between fork
and exec in a parent that may have threads. The process id stays the same through it.
"""

import ctypes
import os
import sys

#: From <linux/prctl.h>: the signal that this process gets when its parent dies.
PR_SET_PDEATHSIG = 1


def main(parent: str, death_signal: str, uid: str, gid: str, *command: str) -> None:
    """Executes the command as another user (`-` for both ids: as this one), bound to the life of the parent."""
    if uid != "-":
        os.setgroups([])
        os.setgid(int(gid))
        os.setuid(int(uid))
    if sys.platform == "linux":
        # After setuid, which would clear it; exec keeps it.
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != int(parent):  # it died before it could be watched
            sys.exit(1)
    os.execv(command[0], command)  # noqa: S606 - a fixed command from our own package, and no shell is wanted


if __name__ == "__main__":
    main(*sys.argv[1:])
