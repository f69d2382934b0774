"""C libraries for LD_PRELOAD, compiled when a test wants them."""

import shutil
import subprocess
from pathlib import Path

COMPILER = shutil.which("gcc") or shutil.which("cc")
NO_COMPILER = "no C compiler here (apt-get install gcc)"


def build(name, folder):
    """Compile `<name>.c` of this folder into `folder`: the path of the library."""
    library = Path(folder) / f"{name}.so"
    source = Path(__file__).with_name(f"{name}.c")
    subprocess.run([COMPILER, "-shared", "-fPIC", "-O1", "-Wall", "-o", library, source, "-ldl"], check=True)
    return library
