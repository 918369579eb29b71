/* Threads that share a session. Arguments: SERVERS API CALLS */
#include <pthread.h>

#include "check.h"

enum { THREADS = 8 };

static etcd_session s;
static int calls;

static void *work(void *argument)
{
    int thread = *(int *)argument, at;
    char key[64], value[64], *got;

    snprintf(key, sizeof key, "threads/%d", thread);
    for (at = 0; at < calls / THREADS / 2; at++) {
        snprintf(value, sizeof value, "%d of %d", at, thread);
        CHECK(etcd_set(s, key, value, NULL, 0) == ETCD_OK);
        got = etcd_get(s, key);
        CHECK(got && !strcmp(got, value));
        free(got);
        if (at % 1000 == 0) {
            CHECK(!etcd_get(s, "threads/none") && code_of(s) == ETCD_ERROR_KEY_NOT_FOUND);
        } else {
            CHECK(code_of(s) == ETCD_ERROR_NONE);
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];
    int numbers[THREADS], at;

    CHECK(argc == 4);
    s = session_of(argv[1], argv[2]);
    calls = atoi(argv[3]);
    for (at = 0; at < THREADS; at++) {
        numbers[at] = at;
        CHECK(!pthread_create(&threads[at], NULL, work, &numbers[at]));
    }
    for (at = 0; at < THREADS; at++)
        CHECK(!pthread_join(threads[at], NULL));
    etcd_close(s);
    puts("ok");
    return 0;
}
