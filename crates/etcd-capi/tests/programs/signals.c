/* errno, masks and SIGPIPE, with a server that hangs up. Arguments: SERVERS BAD_SERVERS */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <signal.h>

#include "check.h"

enum { LARGE = 8000000 };

static int same(const sigset_t *a, const sigset_t *b)
{
    int number;

    for (number = 1; number < 32; number++)
        if (sigismember(a, number) != sigismember(b, number))
            return 0;
    return 1;
}

static void calls(char *servers, int good)
{
    etcd_session s = etcd_open_str(servers);
    etcd_watcher w;
    sigset_t before, after;
    char *value = (char *)calloc(LARGE + 1, 1);
    int at;

    /* More than goes into the buffers of a connection before its end is noticed. */
    memset(value, 'x', good ? 1 : LARGE);

    CHECK(etcd_set_option(s, ETCD_OPTION_TIMEOUT_MS, good ? "5000" : "300") == ETCD_OK);
    CHECK(!pthread_sigmask(SIG_BLOCK, NULL, &before));
    for (at = 0; at < 3; at++) {
        errno = 77;
        CHECK((etcd_set(s, "signals/a", value, NULL, 0) == ETCD_OK) == good);
        CHECK(errno == 77);
        free(etcd_get(s, "signals/none"));
        CHECK(errno == 77);
        CHECK(!pthread_sigmask(SIG_BLOCK, NULL, &after) && same(&before, &after));
    }
    w = good ? etcd_watch_start(s, "signals", ETCD_TEXT, 0) : NULL;
    etcd_watch_stop(w);
    etcd_close(s);
    CHECK(errno == 77);
    free(value);
    CHECK(!pthread_sigmask(SIG_BLOCK, NULL, &after) && same(&before, &after));
}

int main(int argc, char **argv)
{
    struct sigaction action;
    sigset_t set;

    CHECK(argc == 3);
    signal(SIGPIPE, SIG_DFL);
    calls(argv[1], 1);
    /* A SIGPIPE would end this program. */
    calls(argv[2], 0);
    CHECK(!sigaction(SIGPIPE, NULL, &action) && action.sa_handler == SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    CHECK(!pthread_sigmask(SIG_BLOCK, &set, NULL));
    CHECK(!raise(SIGPIPE));
    calls(argv[2], 0);
    CHECK(!sigpending(&set) && sigismember(&set, SIGPIPE));
    puts("ok");
    return 0;
}
