"""Names a file of a virtual environment that is newer than the mark that it was complete, and exits 1; else exits 0."""
import os
import sys

folder = sys.argv[1]
since = os.stat(os.path.join(folder, "complete")).st_mtime_ns
for path, folders, files in os.walk(folder):
    folders[:] = [name for name in folders if name != "__pycache__"]
    for name in files:
        file = os.path.join(path, name)
        if os.lstat(file).st_mtime_ns > since:
            print(file)
            sys.exit(1)
