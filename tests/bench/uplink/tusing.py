"""`python -m tests.bench.uplink.tusing URL FILE…`: uploads files one after the other with tuspy, going on where it was.

Ends with status 1 once something breaks.
"""

import sys
from pathlib import Path

from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError, TusUploadFailed


def main(url: str, paths: list[str]) -> int:
    """The exit status."""
    client = TusClient(f"{url}/")
    for path in paths:
        name = Path(path).name
        try:
            try:
                uploader = client.uploader(path, url=f"{url}/{name}")
            except TusCommunicationError as error:
                if error.status_code != 404:
                    raise
                uploader = client.uploader(path, metadata={"filename": name})
            uploader.upload()
        except (TusCommunicationError, TusUploadFailed) as error:
            print(f"{name}: {error}", file=sys.stderr)
            return 1
        print(name, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
