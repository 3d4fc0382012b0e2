"""Packs Debian's Django, Gunicorn and psycopg2, with what they need, as wheels: no Python index is reachable from the tests' hosts,
and pip shall really install.

    python3 wheels.py FOLDER
"""

import base64
import hashlib
import importlib.metadata
import os
import subprocess
import sys
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
SITE = "/usr/lib/python3/dist-packages/"


def main(folder: str) -> None:
    os.makedirs(folder, exist_ok=True)
    for name, package in PACKAGES.items():
        distribution = importlib.metadata.distribution(name)
        tag = "cp311-cp311-linux_x86_64" if name == "psycopg2" else "py3-none-any"
        if name == "psycopg2":
            import sysconfig

            short = "cp%d%d" % sys.version_info[:2]
            platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
            tag = f"{short}-{short}-{platform}"
        wheel = os.path.join(folder, f"{name}-{distribution.version}-{tag}.whl")
        if not os.path.exists(wheel):
            pack(wheel, name, package, distribution, tag)


def files_of(package: str) -> list[str]:
    listed = subprocess.run(["dpkg", "-L", package], check=True, capture_output=True, text=True).stdout
    return [
        path[len(SITE) :]
        for path in listed.splitlines()
        if path.startswith(SITE)
        and os.path.isfile(path)
        and not any(part.endswith((".egg-info", ".dist-info")) for part in path.split("/"))
    ]


def pack(wheel: str, name: str, package: str, distribution, tag: str) -> None:
    info = f"{name}-{distribution.version}.dist-info"
    needs = NEEDS.get(name, [])
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {distribution.version}\n"
    metadata += "".join(f"Requires-Dist: {need}\n" for need in needs)
    pure = "false" if name == "psycopg2" else "true"
    contents = {f"{info}/METADATA": metadata.encode(), f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: {pure}\nTag: {tag}\n".encode()}
    entries = distribution.read_text("entry_points.txt")
    if entries:
        contents[f"{info}/entry_points.txt"] = entries.encode()
    for path in files_of(package):
        with open(SITE + path, "rb") as file:
            contents[path] = file.read()
    record = ""
    for path, data in contents.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        record += f"{path},sha256={digest},{len(data)}\n"
    contents[f"{info}/RECORD"] = (record + f"{info}/RECORD,,\n").encode()
    with zipfile.ZipFile(wheel + ".new", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path, data in contents.items():
            archive.writestr(path, data)
    os.replace(wheel + ".new", wheel)


main(sys.argv[1])
