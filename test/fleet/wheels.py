"""Packs Debian's Django, Gunicorn and psycopg2, with what they need, as wheels: no Python index can be reached from the tests' hosts,
and pip shall really install.

    python3 wheels.py FOLDER
"""

import base64
import glob
import hashlib
import importlib.metadata
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile

PACKAGES = {
    "Django": "python3-django",
    "asgiref": "python3-asgiref",
    "sqlparse": "python3-sqlparse",
    "pytz": "python3-tz",
    "gunicorn": "python3-gunicorn",
    "psycopg2": "python3-psycopg2",
}
# Debian's packages do not say it in Python's way.
NEEDS = {"Django": ["asgiref", "sqlparse", "pytz"], "gunicorn": ["setuptools"]}
COMPILED = {"psycopg2"}
SITE = "/usr/lib/python3/dist-packages/"
# What Debian has as wheels already.
WHEELS = "/usr/share/python-wheels/setuptools-*.whl"


def main(folder: str) -> None:
    os.makedirs(folder, exist_ok=True)
    for name, package in PACKAGES.items():
        distribution = importlib.metadata.distribution(name)
        wheel = os.path.join(folder, f"{name}-{distribution.version}-{tag_of(name)}.whl")
        if not is_new(wheel, __file__):
            replace(wheel, lambda path: pack(path, name, package, distribution))
    for ready in glob.glob(WHEELS):
        wheel = os.path.join(folder, os.path.basename(ready))
        if not is_new(wheel, ready):
            replace(wheel, lambda path: shutil.copy(ready, path))


def is_new(wheel: str, source: str) -> bool:
    return os.path.exists(wheel) and os.path.getmtime(wheel) >= os.path.getmtime(source)


def replace(wheel: str, make) -> None:
    """Two runs at once are no trouble."""
    made = f"{wheel}.{os.getpid()}"
    make(made)
    os.utime(made)
    os.replace(made, wheel)


def tag_of(name: str) -> str:
    if name not in COMPILED:
        return "py3-none-any"
    python = "cp%d%d" % sys.version_info[:2]
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    return f"{python}-{python}-{platform}"


def pack(wheel: str, name: str, package: str, distribution: importlib.metadata.Distribution) -> None:
    version = distribution.version
    info = f"{name}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {need}\n" for need in NEEDS.get(name, []))
    pure = "false" if name in COMPILED else "true"
    contents = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}".encode(),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: {pure}\nTag: {tag_of(name)}\n".encode(),
    }
    entries = distribution.read_text("entry_points.txt")
    if entries:
        contents[f"{info}/entry_points.txt"] = entries.encode()
    for path in files_of(package):
        with open(SITE + path, "rb") as file:
            contents[path] = file.read()
    record = "".join(f"{path},sha256={digest(data)},{len(data)}\n" for path, data in contents.items())
    contents[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path, data in contents.items():
            archive.writestr(path, data)


def files_of(package: str) -> list[str]:
    listed = subprocess.run(["dpkg", "-L", package], check=True, capture_output=True, text=True).stdout
    return [
        path[len(SITE) :]
        for path in listed.splitlines()
        if path.startswith(SITE)
        and os.path.isfile(path)
        and not any(part.endswith((".egg-info", ".dist-info")) for part in path.split("/"))
    ]


def digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


main(sys.argv[1])
