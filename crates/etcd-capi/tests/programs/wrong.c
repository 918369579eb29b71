/* Every function with every pointer NULL in turn, with handles that are closed or never were any, and random
 * sequences of all of them. Arguments: SERVERS API SEQUENCES SEED */
#include "check.h"

static char *servers;
static uint64_t state;

static unsigned dice(unsigned sides)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)(state >> 33) % sides;
}

/* One call of function number `which`; bit n of `null` has its nth pointer NULL. Nothing is kept. */
static int call(unsigned which, unsigned null, etcd_session s, etcd_watcher w)
{
#define P(n, pointer) (null >> (n) & 1 ? NULL : (pointer))
    char key[] = "wrong/a", value[] = "v", other[] = "w", index[] = "12", *a = NULL, *b = NULL;
    etcd_server list[] = {{key, 1}, {NULL, 0}};
    etcd_entry *entries = NULL;
    etcd_member *member = NULL;
    etcd_change *change = NULL;
    etcd_ticket ticket;
    etcd_session opened;
    size_t length;
    uint64_t number = 0;
    int in, out;

    switch (which) {
    case 0: opened = etcd_open(P(0, list)); etcd_close(opened); break;
    case 1: opened = etcd_open_str(P(0, servers)); etcd_close_str(opened); break;
    case 2: a = etcd_get(s, P(0, key)); break;
    case 3: etcd_set(s, P(0, key), P(1, value), P(2, other), 60); break;
    case 4: etcd_set(s, P(0, key), P(1, value), NULL, 0); break;
    case 5: etcd_delete(s, P(0, key)); break;
    case 6: a = etcd_leader(s); break;
    case 7:
        /* Without an index it would wait for ever. */
        if (etcd_set_n(s, key, 7, value, 1, NULL, 0, 0, &number) == ETCD_OK) {
            in = (int)number;
            etcd_watch(s, P(0, key), P(1, &a), P(2, &b), &in, P(3, &out));
        }
        break;
    case 8:
        if (etcd_lock(s, P(0, key), 1, P(1, index), P(2, &a)) == ETCD_OK && a)
            etcd_unlock(s, key, a);
        break;
    case 9: etcd_unlock(s, P(0, key), P(1, index)); break;
    case 10: CHECK(etcd_version()); break;
    case 11: CHECK(etcd_last_error(P(0, s))->text); break;
    case 12: etcd_set_option(s, (etcd_option)(dice(14)), P(0, value)); break;
    case 13: etcd_get_n(s, P(0, key), 7, P(1, &a), P(2, &length), P(3, &number)); break;
    case 14: etcd_set_n(s, P(0, key), 7, P(1, value), 1, P(2, other), 1, 0, P(3, &number)); break;
    case 15:
        etcd_set_if(s, P(0, key), 7, P(1, value), 1, (etcd_condition)dice(4), 3, 0, P(2, &number));
        break;
    case 16: etcd_delete_n(s, P(0, key), 7, P(1, value), 1); break;
    case 17: etcd_list(s, P(0, key), 5, P(1, &entries), P(2, &length)); break;
    case 18: etcd_leader_n(s, P(0, &member)); break;
    case 19: etcd_watch_stop(etcd_watch_start(s, P(0, key), 7, 0)); break;
    case 20: etcd_watch_fd(w); break;
    case 21: etcd_watch_next(w, 0, P(0, &change)); break;
    case 22:
        if (etcd_lock_n(s, P(0, key), 7, 1, 0, P(1, &ticket)) == ETCD_OK)
            etcd_unlock_n(s, key, 7, ticket.index);
        break;
    case 23: etcd_renew(s, P(0, key), 7, 12, 1, P(1, &ticket)); break;
    case 24: etcd_get_n(s, P(0, key), (size_t)-2, &a, &length, &number); break;
    default: return 0;
    }
    etcd_free(a);
    etcd_free(b);
    etcd_free(entries);
    etcd_free(member);
    etcd_free(change);
    return 1;
#undef P
}

int main(int argc, char **argv)
{
    etcd_session s, closed;
    etcd_watcher w, stopped;
    unsigned which, null, sequence, at, many;

    CHECK(argc == 5);
    servers = argv[1];
    state = 0x9e3779b97f4a7c15u ^ (uint64_t)atoi(argv[4]);
    s = session_of(servers, argv[2]);
    closed = session_of(servers, argv[2]);
    CHECK(etcd_set(closed, "wrong/b", "x", NULL, 0) == ETCD_OK);
    stopped = etcd_watch_start(closed, "wrong", ETCD_TEXT, 0);
    etcd_close(closed);
    w = etcd_watch_start(s, "wrong", ETCD_TEXT, 0);
    CHECK(w);
    /* Each with each pointer NULL, all, and none; and with what is no session. */
    for (which = 0; call(which, 0, s, w); which++) {
        for (null = 0; null < 5; null++)
            call(which, 1u << null, s, w);
        call(which, ~0u, s, w);
        call(which, 0, closed, stopped);
        call(which, 0, NULL, NULL);
        call(which, 0, w, s);
        call(which, 0, (void *)(uintptr_t)0x1234567, (void *)&which);
    }
    many = which;
    CHECK(many == 25);
    for (sequence = 0; sequence < (unsigned)atoi(argv[3]); sequence++) {
        etcd_session fresh = dice(8) ? s : etcd_open_str(servers);
        etcd_watcher own = dice(16) ? w : etcd_watch_start(fresh, "wrong", 5, dice(2));
        for (at = dice(8); at > 0; at--)
            call(dice(many), dice(3) ? 0 : dice(32), dice(8) ? fresh : closed, dice(8) ? own : stopped);
        if (own != w)
            etcd_watch_stop(own);
        if (fresh != s) {
            etcd_close(fresh);
            call(dice(many), 0, fresh, own);
            if (dice(2))
                etcd_close(fresh);
        }
    }
    etcd_watch_stop(w);
    etcd_close(s);
    etcd_close(s);
    puts("ok");
    return 0;
}
