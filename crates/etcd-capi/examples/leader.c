/*
 * leader: one of several programs leads; when it ends or is cut off, another does.
 *
 *     cc leader.c $(pkg-config --cflags --libs etcd-api) -o leader
 *     ./leader 127.0.0.1:2379 /service/leader "$HOSTNAME" 30
 *
 * Whoever holds the lock leads. Its index is a fencing token: it is higher for each leader, so what the leader
 * writes to can refuse one that does not know yet that it was replaced.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "etcd-api.h"

enum { TTL = 5 };

static int failed(etcd_session session)
{
    fprintf(stderr, "leader: %s\n", etcd_last_error(session)->text);
    return 1;
}

static void rest(long milliseconds)
{
    struct timespec time;

    time.tv_sec = milliseconds / 1000;
    time.tv_nsec = milliseconds % 1000 * 1000000;
    nanosleep(&time, NULL);
}

/* Leads for so many seconds, or until the lock is lost: 1 where it is. */
static int lead(etcd_session session, const char *key, long seconds, etcd_ticket *ticket)
{
    long led;

    for (led = 0; led < seconds * 1000; led += TTL * 1000 / 5) {
        rest(TTL * 1000 / 5);
        /* A renewal that fails is tried again while the lock is surely held. */
        if (etcd_renew(session, key, ETCD_TEXT, ticket->index, TTL, ticket) == ETCD_OK)
            continue;
        ticket->remaining_ms -= TTL * 1000 / 5;
        if (etcd_last_error(session)->code == ETCD_ERROR_LOCK_LOST || ticket->remaining_ms < TTL * 1000 / 5)
            return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    etcd_session session;
    etcd_ticket ticket;
    long seconds;
    int lost;

    seconds = argc == 5 ? strtol(argv[4], NULL, 10) : 0;
    if (seconds < 1) {
        fputs("Usage: leader SERVERS KEY NAME SECONDS\n\nLeads for so many seconds, once it is its turn.\n", stderr);
        return 2;
    }
    session = etcd_open_str(argv[1]);
    if (!session)
        return failed(NULL);
    do {
        if (etcd_lock_n(session, argv[2], ETCD_TEXT, TTL, ETCD_FOREVER, &ticket) != ETCD_OK)
            return failed(session);
        printf("%s leads, with token %llu\n", argv[3], (unsigned long long)ticket.index);
        fflush(stdout);
        lost = lead(session, argv[2], seconds, &ticket);
        printf("%s leads no longer\n", argv[3]);
        fflush(stdout);
    } while (lost);
    if (etcd_unlock_n(session, argv[2], ETCD_TEXT, ticket.index) != ETCD_OK)
        return failed(session);
    etcd_close(session);
    return 0;
}
