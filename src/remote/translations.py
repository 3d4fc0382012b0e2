"""Exits 0 where the current folder holds translations for compilemessages to compile, else 1."""
import os
import sys

for path, folders, files in os.walk("."):
    folders[:] = [name for name in folders if not name.startswith(".")]
    if path.endswith("LC_MESSAGES") and any(name.endswith(".po") for name in files):
        sys.exit(0)
sys.exit(1)
