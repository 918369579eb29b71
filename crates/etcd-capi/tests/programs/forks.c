/* What fork() leaves to the child. Arguments: SERVERS API */
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static int child(etcd_session parents, etcd_watcher watcher, char *servers, const char *api)
{
    etcd_session own;
    etcd_change *change;
    char *value;

    CHECK(!etcd_get(parents, "fork/a") && code_of(parents) == ETCD_ERROR_FORKED);
    CHECK(etcd_set(parents, "fork/a", "child", NULL, 0) == ETCD_WTF);
    CHECK(etcd_watch_next(watcher, 0, &change) == ETCD_WTF);
    CHECK(etcd_watch_fd(watcher) == -1);
    etcd_watch_stop(watcher);
    etcd_close(parents);
    CHECK(!etcd_get(parents, "fork/a") && code_of(parents) == ETCD_ERROR_CLOSED);
    own = session_of(servers, api);
    value = etcd_get(own, "fork/a");
    CHECK(value && !strcmp(value, "parent"));
    free(value);
    etcd_close(own);
    return 0;
}

int main(int argc, char **argv)
{
    etcd_session s;
    etcd_watcher w;
    etcd_change *change;
    char *value;
    int status, round;
    pid_t pid;

    CHECK(argc == 3);
    s = session_of(argv[1], argv[2]);
    CHECK(etcd_set(s, "fork/a", "parent", NULL, 0) == ETCD_OK);
    w = etcd_watch_start(s, "fork/b", ETCD_TEXT, 0);
    for (round = 0; round < 20; round++) {
        pid = fork();
        CHECK(pid >= 0);
        if (!pid)
            _exit(child(s, w, argv[1], argv[2]));
        CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && !WEXITSTATUS(status));
        value = etcd_get(s, "fork/a");
        CHECK(value && !strcmp(value, "parent"));
        free(value);
    }
    do
        CHECK(etcd_set(s, "fork/b", "still watched", NULL, 0) == ETCD_OK);
    while (etcd_watch_next(w, 100, &change) == ETCD_NOTHING_YET);
    CHECK(change && !strcmp(change->key, "/fork/b"));
    etcd_free(change);
    etcd_close(s);
    puts("ok");
    return 0;
}
