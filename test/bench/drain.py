"""What load-client.ts does, for large bodies: MSG_TRUNC has the kernel drop the bytes uncopied,
which Node cannot ask for, and costs a quarter of the CPU. Same job, same result, GET alone."""

import json
import re
import resource
import select
import socket
import sys
import time

job = json.loads(sys.argv[1])
request = "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{headers}\r\n".format(**job).encode()
window = bytearray(1024 * 1024)
head_pattern = re.compile(rb"HTTP/1\.1 200 .*?^content-length: (\d+)\r\n.*?\r\n\r\n", re.I | re.M | re.S)
poll = select.epoll()
sockets = {}
left = {}
requests = total = failures = 0


def read_head(sock):
    """Takes the head of an answer off the socket; returns the length of its body."""
    head = head_pattern.match(sock.recv(8192, socket.MSG_PEEK))
    if not head:
        raise ConnectionError("not a whole 200 answer")
    sock.recv(head.end())
    return int(head.group(1))


started = time.monotonic()
for _ in range(job["connections"]):
    sock = socket.create_connection(("127.0.0.1", job["port"]))
    sock.setblocking(False)
    sock.send(request)
    sockets[sock.fileno()] = sock
    left[sock.fileno()] = 0
    poll.register(sock.fileno(), select.EPOLLIN)

deadline = started + job["windowMs"] / 1000
while time.monotonic() < deadline and sockets:
    for descriptor, _ in poll.poll(0.05):
        sock = sockets[descriptor]
        try:
            if left[descriptor] == 0:
                left[descriptor] = read_head(sock)
            count = sock.recv_into(window, min(left[descriptor], len(window)), socket.MSG_TRUNC)
            if count == 0:
                raise ConnectionError("closed before the end")
        except BlockingIOError:
            continue
        except ConnectionError:
            failures += 1
            poll.unregister(descriptor)
            sockets.pop(descriptor).close()
            continue
        total += count
        left[descriptor] -= count
        if left[descriptor] == 0:
            requests += 1
            sock.send(request)

seconds = time.monotonic() - started
usage = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({
    "requests": requests,
    "bytes": total,
    "failures": failures,
    "seconds": seconds,
    "clientCpuSeconds": usage.ru_utime + usage.ru_stime,
}))
