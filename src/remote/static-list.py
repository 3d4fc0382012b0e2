"""Lists a folder of collected static files, a line each: `hashed SHA-256 PATH` for what staticfiles.json names, `other SHA-256 PATH`.

The manifest itself is not listed: it stays with its release. Paths are relative to the folder; the files of one folder follow each
other. A name that could not be told apart in such a list is left out, and said so.
"""
import hashlib
import json
import os
import sys

root = sys.argv[1]
try:
    with open(os.path.join(root, "staticfiles.json"), encoding="utf-8") as file:
        paths = json.load(file)["paths"]
except FileNotFoundError:
    paths = {}
# A file that the storage left unhashed has its own name as its value.
hashed = {path for plain, path in paths.items() if path != plain}


def digest(path):
    sha256 = hashlib.sha256()
    with open(path, "rb") as file:
        for chunk in iter(lambda: file.read(1 << 20), b""):
            sha256.update(chunk)
    return sha256.hexdigest()


found = []
for folder, _, names in os.walk(root, followlinks=True):
    for name in names:
        path = os.path.relpath(os.path.join(folder, name), root)
        if any(ord(letter) < 32 or letter == "\\" for letter in path) or path != path.strip():
            print("left out, its name has a control character, a backslash or a space at its end: %r" % path, file=sys.stderr)
        elif path != "staticfiles.json":
            found.append(path)
for path in sorted(found, key=lambda each: (os.path.dirname(each), each)):
    kind = "hashed" if path in hashed else "other"
    line = "%s %s %s\n" % (kind, digest(os.path.join(root, path)), path)
    sys.stdout.buffer.write(line.encode("utf-8", "surrogateescape"))
