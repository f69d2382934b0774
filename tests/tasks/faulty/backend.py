"""Builds the wheel of `faulty` from the standard library alone, so that installing it needs no network."""

import zipfile
from pathlib import Path


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    name, metadata = "faulty-1.0-py3-none-any.whl", "faulty-1.0.dist-info"
    files = {
        "faulty.py": Path("faulty.py").read_text(),
        f"{metadata}/METADATA": "Metadata-Version: 2.1\nName: faulty\nVersion: 1.0\n",
        f"{metadata}/WHEEL": "Wheel-Version: 1.0\nGenerator: backend\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in (*files, f"{metadata}/RECORD"))
    with zipfile.ZipFile(Path(wheel_directory) / name, "w") as wheel:
        for path, text in {**files, f"{metadata}/RECORD": record}.items():
            wheel.writestr(path, text)
    return name
