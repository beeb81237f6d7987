import json
import socket
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest
import trustme

from caelum_report.wire import net


class Zoo:
    """The HTTP zoo, in a process of its own."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def requests(self, fault: str) -> list[list]:
        """Method, path and headers of each request that came for a fault; "" is for unknown paths."""
        with urllib.request.urlopen(f"{self.url}/_log/{fault or 'unknown'}") as answer:
            return json.load(answer)


@pytest.fixture(scope="session")
def zoo():
    program = Path(__file__).with_name("zoo_http.py")
    with subprocess.Popen(
        [sys.executable, "-IS", str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Zoo(int(process.stdout.readline()))
        process.stdin.close()


class Elsewhere:
    """A port where nobody has any business."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.visits = 0
        threading.Thread(target=self._count, daemon=True).start()

    def _count(self) -> None:
        while True:
            try:
                visitor, _ = self.socket.accept()
            except OSError:
                return
            self.visits += 1
            visitor.close()


@pytest.fixture
def elsewhere():
    place = Elsewhere()
    yield place
    place.socket.shutdown(socket.SHUT_RDWR)
    place.socket.close()


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    """An authority that this process trusts. The context of trust is made once a process, so it stays the same."""
    authority, place = trustme.CA(), tmp_path_factory.mktemp("authority") / "ca.pem"
    authority.cert_pem.write_to_path(str(place))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(place))
        net._verifying.cache_clear()  # another test may have made it
        yield authority
