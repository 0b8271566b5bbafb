"""What a serving process is not made of: each of these costs seconds at the start and hundreds of megabytes."""

import subprocess
import sys
from pathlib import Path

HEAVY = (
    "mlflow",
    "training",
    "faiss",
    "lightgbm",
    "sklearn",
    "implicit",
    "pandas",
    "ibis",
    "duckdb",
    "matplotlib",
)
SCRIPT = """
import sys
from serving.app import create_app
from serving.settings import Settings
from pathlib import Path
app = create_app(Settings(home=Path(sys.argv[1]), redis_url="unix:///nowhere/valkey.sock"))
app.openapi()
print(*sorted({name.partition(".")[0] for name in sys.modules}))
app.state.resources.close()
"""


def test_a_serving_process_imports_nothing_that_trains(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.splitlines()[-1].split())
    assert {"fastapi", "redis", "recsys"} <= loaded
    assert loaded.isdisjoint(HEAVY)
