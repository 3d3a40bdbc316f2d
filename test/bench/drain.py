"""What load-client.ts does, for large bodies: MSG_TRUNC has the kernel drop the bytes uncopied,
which Node cannot ask for, and costs a quarter of the CPU. Same job, same result, GET alone.

Meanwhile it can ask for other things in turn, at even distances whether or not the last was
answered, and listen to answers without an end. This process does it as well, since waking another
one takes more from the server than an answer does."""

import json
import re
import resource
import select
import socket
import sys
import time

ANSWERED_WITHIN_S = 10
LAST_CHUNK = b"\r\n0\r\n\r\n"
HEAD = re.compile(rb"HTTP/1\.1 200 .*?\r\n\r\n", re.S)
LENGTH = re.compile(rb"^content-length: (\d+)\r$", re.I | re.M)

job = json.loads(sys.argv[1])
asking = job.get("asking", {"count": 0, "listeners": 0, "mix": []})
window = bytearray(1024 * 1024)
poll = select.epoll()
clients = {}
pulls = pulled_bytes = failures = asked = 0
idle = []
latencies = []


def request_text(port, method, path, headers, body=""):
    if body:
        headers += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{headers}\r\n{body}".encode()


class Client:
    """One connection, with one request at a time."""

    def __init__(self, port):
        self.sock = socket.create_connection(("127.0.0.1", port))
        self.sock.setblocking(False)
        clients[self.sock.fileno()] = self
        poll.register(self.sock.fileno(), select.EPOLLIN)

    def send(self, request):
        self.head = None
        self.left = float("inf")
        self.sock.send(request)

    def read(self):
        """Reads what there is of an answer; returns how much of its body."""
        if self.head is None:
            head = HEAD.match(self.sock.recv(8192, socket.MSG_PEEK))
            if not head:
                raise ConnectionError("not a whole 200 answer")
            self.head = self.sock.recv(head.end())
            length = LENGTH.search(self.head)
            if length:
                self.left = int(length.group(1))
        count = self.take(min(self.left, len(window)))
        if count == 0:
            raise ConnectionError("closed before the end")
        self.left -= count
        return count

    def take(self, most):
        return self.sock.recv_into(window, most, socket.MSG_TRUNC)

    def close(self):
        poll.unregister(self.sock.fileno())
        clients.pop(self.sock.fileno()).sock.close()


class Puller(Client):
    """Asks for one thing over and over."""

    def read(self):
        global pulls, pulled_bytes
        pulled_bytes += super().read()
        if self.left == float("inf"):
            raise ConnectionError("no Content-Length")
        if self.left == 0:
            pulls += 1
            self.send(pull)


class Asker(Client):
    """Asks for one thing after the other."""

    def send(self, request):
        self.tail = b""
        self.sent_at = time.monotonic()
        super().send(request)

    def take(self, most):
        count = self.sock.recv_into(window, most)
        self.tail = (self.tail + window[max(0, count - len(LAST_CHUNK)) : count])[-len(LAST_CHUNK) :]
        return count

    def read(self):
        super().read()
        if self.left == 0 or (self.left == float("inf") and self.tail == LAST_CHUNK):
            latencies.append(time.monotonic() - self.sent_at)
            idle.append(self)


def ask():
    global asked
    # Each gets its turn, so that none is closed for having been silent.
    asker = idle.pop(0) if idle else Asker(asking["port"])
    asker.send(mix[asked % len(mix)])
    asked += 1


def seconds_to_next():
    """How long nothing is to be asked; negative when it is late."""
    if asked == asking["count"]:
        return 0.05
    return started + asked * job["windowMs"] / 1000 / asking["count"] - time.monotonic()


def read_for(seconds):
    global failures
    for descriptor, _ in poll.poll(min(seconds, 0.05)):
        client = clients[descriptor]
        try:
            client.read()
        except BlockingIOError:
            continue
        except ConnectionError as error:
            print(f"{type(client).__name__}: {error}", file=sys.stderr)
            failures += 1
            client.close()


mix = [request_text(asking["port"], one["method"], one["path"], "", one["body"]) for one in asking["mix"]]
listeners = [Client(asking["port"]) for _ in range(asking["listeners"])]
for listener in listeners:
    listener.send(request_text(asking["port"], "GET", asking["listenTo"], ""))
told_by = time.monotonic() + ANSWERED_WITHIN_S
while any(listener.head is None for listener in listeners) and time.monotonic() < told_by:
    read_for(0.05)
pull = request_text(job["port"], "GET", job["path"], job["headers"])
started = time.monotonic()
for _ in range(job["connections"]):
    Puller(job["port"]).send(pull)

deadline = started + job["windowMs"] / 1000
while time.monotonic() < deadline and clients:
    wait = seconds_to_next()
    if wait <= 0:
        ask()
    else:
        read_for(wait)

result = {"requests": pulls, "bytes": pulled_bytes, "seconds": time.monotonic() - started}
while len(latencies) < asking["count"] and time.monotonic() < deadline + ANSWERED_WITHIN_S:
    read_for(0.05)
failures += asking["count"] - len(latencies)
failures += sum(listener.head is None for listener in listeners)
latencies.sort()
usage = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({
    **result,
    "failures": failures,
    "clientCpuSeconds": usage.ru_utime + usage.ru_stime,
    "askedP99Ms": latencies[len(latencies) * 99 // 100] * 1000 if latencies else None,
}))
