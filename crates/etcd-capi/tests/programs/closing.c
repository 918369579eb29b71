/* Sessions and watchers that are closed while another thread uses them. Arguments: SERVERS API ROUNDS */
#include <pthread.h>
#include <time.h>

#include "check.h"

static etcd_session s;
static etcd_watcher w;

static void pause_for(long microseconds)
{
    struct timespec time;

    time.tv_sec = 0;
    time.tv_nsec = microseconds * 1000;
    nanosleep(&time, NULL);
}

static void *watches(void *unused)
{
    char *key = NULL, *value = NULL;

    (void)unused;
    CHECK(etcd_watch(s, "closing/nothing", &key, &value, NULL, NULL) == ETCD_WTF);
    CHECK(code_of(s) == ETCD_ERROR_CLOSED && !key && !value);
    return NULL;
}

static void *locks(void *unused)
{
    char *index = NULL;

    (void)unused;
    CHECK(etcd_lock(s, "closing/lock", 60, NULL, &index) == ETCD_WTF);
    CHECK(code_of(s) == ETCD_ERROR_CLOSED && !index);
    return NULL;
}

static void *reads(void *unused)
{
    (void)unused;
    do
        free(etcd_get(s, "closing/a"));
    while (code_of(s) == ETCD_ERROR_NONE);
    CHECK(code_of(s) == ETCD_ERROR_CLOSED);
    return NULL;
}

static void *nexts(void *unused)
{
    etcd_change *change;
    etcd_result result;

    (void)unused;
    while ((result = etcd_watch_next(w, ETCD_FOREVER, &change)) == ETCD_OK)
        etcd_free(change);
    CHECK(result == ETCD_WTF && !change);
    return NULL;
}

int main(int argc, char **argv)
{
    void *(*works[])(void *) = {watches, locks, reads, nexts};
    pthread_t threads[4];
    etcd_session holder;
    char *index;
    int round, at;

    CHECK(argc == 4);
    holder = session_of(argv[1], argv[2]);
    CHECK(etcd_set(holder, "closing/a", "x", NULL, 0) == ETCD_OK);
    CHECK(etcd_lock(holder, "closing/lock", 600, NULL, &index) == ETCD_OK);
    for (round = 0; round < atoi(argv[3]); round++) {
        s = session_of(argv[1], argv[2]);
        w = etcd_watch_start(s, "closing", ETCD_TEXT, 0);
        CHECK(w);
        for (at = 0; at < 4; at++)
            CHECK(!pthread_create(&threads[at], NULL, works[at], NULL));
        pause_for(round % 50 * 200);
        if (round % 2)
            etcd_watch_stop(w);
        etcd_close(s);
        for (at = 0; at < 4; at++)
            CHECK(!pthread_join(threads[at], NULL));
        etcd_close(s);
    }
    CHECK(etcd_unlock(holder, "closing/lock", index) == ETCD_OK);
    free(index);
    etcd_close(holder);
    puts("ok");
    return 0;
}
