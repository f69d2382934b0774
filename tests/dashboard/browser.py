"""The page of a station as a browser meets it, without a browser."""

import http.client
import json
from urllib.parse import urlsplit


class Browser:
    """Opens the page's stream of frames and presses buttons."""

    def __init__(self, address):
        parts = urlsplit(address)
        self.host, self.root = parts.netloc, parts.path
        self.stream = None

    def ask(self, path, method="GET", body=None, **headers):
        connection = http.client.HTTPConnection(self.host, timeout=30)
        connection.request(method, self.root + path, body, headers)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        return answer.status, data

    def order(self, kind, value=0.0):
        body = json.dumps({"kind": kind, "value": value})
        status, text = self.ask("order", "POST", body, **{"Content-Type": "application/json"})
        assert status == 204, text

    def frame(self, wanted=lambda frame: True):
        """The next frame that is as wanted."""
        if self.stream is None:
            connection = http.client.HTTPConnection(self.host, timeout=60)
            connection.request("GET", self.root + "frames")
            self.stream = connection.getresponse()
        for _ in range(1000):
            line = self.stream.readline()
            if line.startswith(b"data: {"):
                frame = json.loads(line[6:])
                if wanted(frame):
                    return frame
            assert line, "the stream ended"
        raise AssertionError("no such frame among 1000 lines")
