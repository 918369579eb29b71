"""What programs do by python-etcd, a function each: SCRIPT HOST PORT FUNCTION."""

import sys
import threading
import time

import etcd


def raises(kind, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except kind as error:
        return error
    raise AssertionError(f"{call} did not raise {kind.__name__}")


def keys(client):
    made = client.write("/k", "1")
    assert (made.action, made.value, made.newKey) == ("set", "1", True), made
    again = client.write("/k", "2")
    assert (again.value, again.newKey, again._prev_node.value) == ("2", False, "1"), again
    read = client.read("/k")
    assert (read.value, read.modifiedIndex) == ("2", again.modifiedIndex), read
    assert read.etcd_index >= read.modifiedIndex, read
    assert client.get("/k").value == "2" and "/k" in client and "/none" not in client
    assert client.read("/k", quorum=True).value == "2"
    text = "ü\n&=%;+ \u2028"
    client.set("/text", text)
    assert client.read("/text").value == text
    removed = client.delete("/k")
    assert (removed.action, removed._prev_node.value) == ("delete", "2"), removed
    missing = raises(etcd.EtcdKeyNotFound, client.read, "/k")
    assert missing.payload["errorCode"] == 100 and missing.payload["cause"] == "/k", missing.payload
    raises(etcd.EtcdKeyNotFound, client.delete, "/k")
    assert client.pop("/text").value == text
    raises(etcd.EtcdRootReadOnly, client.write, "/", "1")


def conditions(client):
    first = client.write("/k", "1", prevExist=False)
    raises(etcd.EtcdAlreadyExist, client.write, "/k", "2", prevExist=False)
    raises(etcd.EtcdCompareFailed, client.write, "/k", "2", prevValue="x")
    swapped = client.write("/k", "2", prevValue="1")
    assert swapped.action == "compareAndSwap", swapped
    raises(etcd.EtcdCompareFailed, client.write, "/k", "3", prevIndex=first.modifiedIndex)
    client.write("/k", "3", prevIndex=swapped.modifiedIndex)
    assert client.test_and_set("/k", "4", "3").value == "4"
    raises(ValueError, client.test_and_set, "/k", "5", "3")
    raises(etcd.EtcdKeyNotFound, client.write, "/none", "1", prevExist=True)
    read = client.read("/k")
    read.value = "5"
    assert client.update(read).action in ("update", "compareAndSwap")
    raises(etcd.EtcdCompareFailed, client.delete, "/k", prevValue="x")
    raises(etcd.EtcdCompareFailed, client.delete, "/k", prevIndex=first.modifiedIndex)
    assert client.delete("/k", prevValue="5").action == "compareAndDelete"


def times_to_live(client):
    made = client.write("/k", "1", ttl=60)
    assert made.ttl == 60 and made.expiration, made
    assert client.write("/k", "2", ttl=None).ttl is None
    client.write("/k", "3", ttl=1)
    ended = client.watch("/k", index=client.read("/k").modifiedIndex + 1, timeout=30)
    assert ended.action == "expire" and ended._prev_node.value == "3", ended
    raises(etcd.EtcdKeyNotFound, client.read, "/k")


def refreshes(client):
    made = client.write("/k", "1", ttl=60)
    assert client.refresh("/k", ttl=600).ttl > 500
    read = client.read("/k")
    assert (read.value, read.createdIndex) == ("1", made.createdIndex), read


def directories(client):
    client.write("/d", None, dir=True)
    raises(etcd.EtcdNotFile, client.write, "/d", None, dir=True)
    for key in ("/d/b", "/d/a/x", "/d/_hidden"):
        client.write(key, key)
    listed = client.read("/d")
    assert listed.dir and sorted(child.key for child in listed.children) == ["/d/a", "/d/b"]
    deep = client.read("/d", recursive=True, sorted=True)
    assert [leaf.key for leaf in deep.leaves] == ["/d/a/x", "/d/b"], list(deep.leaves)
    assert [child.key for child in deep.get_subtree()][0] == "/d"
    raises(etcd.EtcdNotFile, client.write, "/d", "1")
    raises(etcd.EtcdNotDir, client.write, "/d/b/below", "1")
    raises(etcd.EtcdNotFile, client.delete, "/d")
    raises(etcd.EtcdDirNotEmpty, client.delete, "/d", dir=True)
    assert client.delete("/d", recursive=True).action == "delete"
    client.write("/empty", None, dir=True, ttl=60)
    client.delete("/empty", dir=True)
    assert list(client.read("/").leaves)[0].key in (None, "/"), list(client.read("/").leaves)


def queues(client):
    made = [client.write("/queue", str(value), append=True) for value in range(3)]
    assert [int(node.key.rsplit("/", 1)[1]) for node in made] == [n.createdIndex for n in made]
    queued = client.read("/queue", sorted=True)
    assert [child.value for child in queued.children] == ["0", "1", "2"]


def watches(client):
    first = client.write("/w/a", "1")
    second = client.write("/w/b", "2")
    told = client.watch("/w/a", index=first.modifiedIndex)
    assert (told.action, told.value) == ("set", "1"), told
    told = client.watch("/w", index=first.modifiedIndex + 1, recursive=True)
    assert (told.key, told.modifiedIndex) == ("/w/b", second.modifiedIndex), told
    raises(etcd.EtcdWatchTimedOut, client.watch, "/w/a", timeout=0.3)

    # Each is made when the one before was told: nothing is told that had not happened.
    last = second.modifiedIndex
    changes = client.eternal_watch("/w", index=last + 1, recursive=True)
    other = etcd.Client(host=client.host, port=client.port)
    for value in range(5):
        late = threading.Timer(0.05, other.write, ("/w/a", str(value)))
        late.start()
        told = next(changes)
        late.join()
        assert (told.key, told.value) == ("/w/a", str(value)), told
    threading.Timer(0.05, other.delete, ("/w/a",)).start()
    assert next(changes).action == "delete"
    for value in range(1001):
        client.write("/elsewhere", str(value))
    raises(etcd.EtcdEventIndexCleared, client.watch, "/w/a", index=first.modifiedIndex)


def locks(client):
    lock = etcd.Lock(client, "l")
    assert lock.acquire(lock_ttl=60) and lock.is_acquired
    other = etcd.Lock(etcd.Client(host=client.host, port=client.port), "l")
    assert not other.acquire(blocking=False, lock_ttl=60)
    assert lock.acquire(lock_ttl=60), "whoever has it renews it"
    threading.Timer(0.1, lock.release).start()
    assert other.acquire(blocking=True, lock_ttl=60, timeout=30)
    assert other.is_acquired and not lock.is_acquired
    other.release()
    with etcd.Lock(client, "l") as held:
        assert held.is_acquired
    # Elections were removed from python-etcd.
    raises(NotImplementedError, lambda: client.election)


def members(client):
    url = f"http://{client.host}:{client.port}"
    assert client.machines == [url], client.machines
    assert client.base_uri == url
    (member,) = client.members.values()
    assert member["name"] == "m1" and member["clientURLs"] == [url], member
    assert client.leader["name"] == "m1", client.leader
    own = client.stats
    assert own["name"] == "m1" and own["state"] == "StateLeader", own
    assert client.leader_stats["leader"] == own["id"], client.leader_stats
    assert client.version and client.cluster_version


def store_statistics(client):
    before = client.store_stats["setsSuccess"]
    client.write("/k", "1")
    assert client.store_stats["setsSuccess"] == before + 1


def survivors(client):
    """A client that may reconnect finds the others by itself."""
    host, port = client.host, client.port
    for _ in range(3):
        again = etcd.Client(host=((host, 1), (host, port)), allow_reconnect=True)
        again.write("/k", "1")
        assert again.read("/k").value == "1"


host, port, name = sys.argv[1:]
globals()[name](etcd.Client(host=host, port=int(port)))
