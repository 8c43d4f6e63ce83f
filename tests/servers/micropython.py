"""MicroPython itself, as WebAssembly in Node: what an ESP32 runs, less its pins."""

import json
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
SKULL = ROOT / "devices" / "skull"
_PACKAGE = ROOT / "web/node_modules/@micropython/micropython-webassembly-pyscript/micropython.mjs"
_RUN = f"""
import {{ loadMicroPython }} from "{_PACKAGE.as_uri()}";
import {{ readFileSync }} from "node:fs";
const python = await loadMicroPython({{ stdout: (line) => console.log(line), linebuffer: true, heapsize: 8388608 }});
const [program, ...files] = JSON.parse(readFileSync(0, "utf8"));
for (const [name, text] of files) python.FS.writeFile("/" + name, text);
python.runPython("import sys\\nsys.path.append('/')");
try {{
  await python.runPythonAsync(program);
}} catch (error) {{
  console.error(error.message);
  process.exit(1);
}}
"""


def micropython(program: str, *files: Path) -> str:
    """Run a program with those files beside it, by default the skull's; returns what it printed.

    Raises AssertionError with its own words where it fails.
    """
    beside = files or tuple(SKULL.glob("*.py"))
    given = json.dumps([program, *((file.name, file.read_text("utf-8")) for file in beside)])
    command = ["node", "--input-type=module", "-e", _RUN]
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        raise AssertionError(done.stderr.strip()[-2_000:])
    return done.stdout
