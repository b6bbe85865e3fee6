"""Runs a program that refuses root: `python unprivileged.py WAY UID PROGRAM ARGUMENT…`, WAY `namespace` or `become`.

First choice is a user namespace in which root's own files belong to UID: nothing changes hands, and a checkout below
/root stays reachable. Where namespaces are forbidden (some containers) the process becomes UID for good and keeps only
the capability to read past folder permissions. UID must exist in the password file (initdb looks it up).
Stands alone and imports no package of ours: it starts before anything else can go wrong.
"""

import ctypes
import os
import struct
import sys

CLONE_NEWUSER = 0x10000000
PR_SET_KEEPCAPS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 8, 47, 2
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2
CAPABILITY_VERSION_3 = 0x20080522


def enter_namespace(libc: ctypes.CDLL, uid: int) -> bool:
    """Make outer root appear as `uid` inside a new user namespace; False where the kernel refuses."""
    if libc.unshare(CLONE_NEWUSER) != 0:
        return False
    try:
        for name, line in (("setgroups", "deny"), ("uid_map", f"{uid} 0 1"), ("gid_map", f"{uid} 0 1")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(line)
    except OSError as problem:
        sys.exit(f"user namespace: {problem}")
    return True


def become(libc: ctypes.CDLL, uid: int) -> None:
    """Change to `uid`; keep the right to pass folders that only root may enter, where root itself has it."""
    libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    for capability in (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE):
        bit = 1 << capability
        header = struct.pack("Ii", CAPABILITY_VERSION_3, 0)
        data = struct.pack("6I", bit, bit, bit, 0, 0, 0)
        if libc.capset(header, data) == 0:
            libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0)
            return


def main() -> None:
    """Drop root and turn into the program; `namespace` or `become` as the first argument chooses the way."""
    way, uid, program = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    libc = ctypes.CDLL(None, use_errno=True)
    if way == "namespace":
        if not enter_namespace(libc, uid):
            sys.exit(f"user namespace: {os.strerror(ctypes.get_errno())}")
    else:
        become(libc, uid)
    os.execv(program[0], program)  # noqa: S606  (the caller names the program)


if __name__ == "__main__":
    main()
