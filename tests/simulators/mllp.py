"""An EMR's interface engine: sends HL7 v2 over MLLP as such programs do, one message at a time or many in flight."""

import socket
import ssl

from integrations.hl7v2.frames import framed

PATIENCE = 30  # seconds


class Sender:
    """One connection. `ask` sends a message and returns the acknowledgement; the pieces are there to do it badly."""

    def __init__(self, port, host="127.0.0.1", context=None):
        self.socket = socket.create_connection((host, port), timeout=PATIENCE)
        if context is not None:
            self.socket = context.wrap_socket(self.socket)
        self.rest = b""

    def __enter__(self):
        return self

    def __exit__(self, *_problem):
        self.socket.close()

    def ask(self, message):
        """Send one message, wait for its acknowledgement."""
        self.send(framed(message))
        return self.answer()

    def send(self, data):
        """Send bytes as they are."""
        self.socket.sendall(data)

    def answer(self):
        """The content of the next frame; None where the connection was closed instead."""
        while b"\x1c\r" not in self.rest:
            try:
                chunk = self.socket.recv(65536)
            except (ConnectionError, ssl.SSLError):
                chunk = b""
            if not chunk:
                assert self.rest == b"", self.rest
                return None
            self.rest += chunk
        frame, _end, self.rest = self.rest.partition(b"\x1c\r")
        assert frame.startswith(b"\x0b"), frame
        return frame[1:]


def fields(answer, segment, *numbers):
    """Fields of a segment of an acknowledgement, as text; one alone is no list."""
    line = next(line for line in answer.decode().split("\r") if line.startswith(segment))
    parts = line.split("|")
    shift = 1 if segment == "MSH" else 0
    found = [parts[n - shift] if n - shift < len(parts) else "" for n in numbers]
    return found[0] if len(found) == 1 else found
