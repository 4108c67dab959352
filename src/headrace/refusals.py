"""What the operating system refuses, as an error of ours with what to do about it."""

from __future__ import annotations

import errno

from headrace.errors import PlaceUnusable

_REFUSALS = {
    errno.ENOSPC: "make room on the disk and run the same command again",
    errno.EDQUOT: "make room within the quota and run the same command again",
    errno.EFBIG: "files may not grow as large as that here: see `ulimit -f`",
    errno.EACCES: "the user who runs headrace has to be allowed to write to the project's folder",
    errno.EPERM: "the user who runs headrace has to be allowed to write to the project's folder",
    errno.EROFS: "headrace keeps its state in `.headrace` in the project: put the project where it can be written to",
    errno.EIO: "the disk has a fault, or it is full",
    errno.EMFILE: "more files are open than one process may have: see `ulimit -n`, or use fewer `--threads`",
    errno.ENAMETOOLONG: "the file system takes no names as long as that",
}


def refused_by_system(error: BaseException) -> PlaceUnusable | None:
    """What the system refused, if that is what an error is about; None where it is about anything else."""
    if not isinstance(error, OSError) or error.errno not in _REFUSALS:
        return None
    place = f"{error.filename}: " if error.filename else ""
    return PlaceUnusable(f"{place}{error.strerror}", hint=_REFUSALS[error.errno])
