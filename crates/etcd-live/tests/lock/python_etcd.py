"""Takes and gives up a lock by python-etcd, as standard input says: try, wait, release."""

import sys

import etcd

host, port, name = sys.argv[1:]
lock = None
for command in sys.stdin:
    if command == "release\n":
        lock.release()
        print("released", flush=True)
        continue
    lock = etcd.Lock(etcd.Client(host=host, port=int(port)), name)
    if lock.acquire(blocking=command == "wait\n", lock_ttl=60):
        print(int(lock._sequence), flush=True)
    else:
        lock.release()
        print("busy", flush=True)
